#pragma once

// epoll, which Swift's Glibc module leaves out. Its header is not shown to Swift: it would bring second declarations of
// types that Glibc's module has. Only for Linux.

/// A new descriptor, or -1.
int cistern_epoll_create(void);

/// Adds a socket that is waited for until it can be read.
int cistern_epoll_add(int epoll, int socket, unsigned long long token);

/// Waits for room to write as well, or no longer.
int cistern_epoll_expect_room(int epoll, int socket, unsigned long long token, int is_expected);

int cistern_epoll_remove(int epoll, int socket);

/// Waits so many nanoseconds at most, and writes the tokens of the sockets that are ready. Returns how many there are, never
/// more than `capacity` nor than 512.
int cistern_epoll_wait(int epoll, long long nanoseconds, unsigned long long *tokens, int capacity);
