// The package manager wants a file to compile; everything is in the header.
#include "include/CPrefetch.h"
