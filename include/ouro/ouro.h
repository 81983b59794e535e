// Everything a program needs: include this one.
#pragma once

#include "ouro/address.h"     // IWYU pragma: export
#include "ouro/buffer.h"      // IWYU pragma: export
#include "ouro/connection.h"  // IWYU pragma: export
#include "ouro/counters.h"    // IWYU pragma: export
#include "ouro/error.h"       // IWYU pragma: export
#include "ouro/handler.h"     // IWYU pragma: export
#include "ouro/options.h"     // IWYU pragma: export
#include "ouro/worker.h"      // IWYU pragma: export
