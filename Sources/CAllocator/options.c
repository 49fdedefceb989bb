#include "include/CAllocator.h"

/// jemalloc's options, which MALLOC_CONF in the environment goes over. By default it gives pieces of 8 MB and more back to the
/// system at once, so that a large result meets fresh pages at every step of its buffer's growth.
const char *malloc_conf = "oversize_threshold:0";
