// Asio as it comes: reads and writes that are tried before they wait for epoll.
//
//   asio_echo PORT
#include "asio_echo.h"

int main(int count, char** arguments) { peers::serve(peers::start(count, arguments)); }
