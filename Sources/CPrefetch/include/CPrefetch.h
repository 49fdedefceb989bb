#ifndef CISTERN_PREFETCH_H
#define CISTERN_PREFETCH_H

/// Tells the processor that this memory will be read soon. It need not be there, and nothing is read.
static inline void cistern_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
