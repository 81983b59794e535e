// Asio on io_uring alone: each read and write is an entry in the ring.
//
//   asio_uring_echo PORT
#define ASIO_HAS_IO_URING 1
#define ASIO_DISABLE_EPOLL 1
#include "asio_echo.h"

int main(int count, char** arguments) { peers::serve(peers::start(count, arguments)); }
