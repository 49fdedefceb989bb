#pragma once

// epoll and io_uring, which Swift's Glibc module leaves out. Their headers are not shown to Swift: they would bring second
// declarations of types that Glibc's module has.

/// What has happened at a socket.
typedef struct {
    /// What the socket was added with.
    unsigned long long token;
    /// Of what was received, until the next wait.
    const void *bytes;
    /// How many bytes were received or sent, 0 where the peer has closed; the descriptor of a new connection; below 0 an
    /// error, as a negative errno.
    int count;
    /// One of the four below.
    int kind;
} cistern_socket_event;

enum {
    /// epoll: the socket can be read, or has room where that was expected.
    CISTERN_SOCKET_READY,
    CISTERN_SOCKET_RECEIVED,
    CISTERN_SOCKET_SENT,
    CISTERN_SOCKET_ACCEPTED,
};

#ifdef __linux__

// epoll

/// A new descriptor, or -1.
int cistern_epoll_create(void);

/// Adds a socket that is waited for until it can be read.
int cistern_epoll_add(int epoll, int socket, unsigned long long token);

/// Waits for room to write as well, or no longer.
int cistern_epoll_expect_room(int epoll, int socket, unsigned long long token, int is_expected);

int cistern_epoll_remove(int epoll, int socket);

/// Waits so many nanoseconds at most, and writes what sockets are ready. Returns how many there are, never more than
/// `capacity` nor than 512.
int cistern_epoll_wait(int epoll, long long nanoseconds, cistern_socket_event *events, int capacity);

// io_uring: bytes are received and sent by the kernel in one call for all sockets.

/// Used by the thread that has made it, and no other.
typedef struct cistern_ring cistern_ring;

/// A new ring with so many buffers of so many bytes to receive into; the number a power of two, up to 32768. Null where the
/// kernel has no io_uring, is older than 6.1, or does not allow it; errno tells.
cistern_ring *cistern_ring_create(int buffer_count, int buffer_bytes);

void cistern_ring_destroy(cistern_ring *ring);

/// Takes connections to a socket that listens.
void cistern_ring_accept(cistern_ring *ring, int socket, unsigned long long token);

/// Receives from a connected socket from now on, until its peer closes or it fails.
void cistern_ring_receive(cistern_ring *ring, int socket, unsigned long long token);

/// Sends all the bytes with the next wait. They stay where they are until they are sent. Where not all could be sent, there
/// is an event of it; where they were, there is one if `tells` is not 0.
void cistern_ring_send(cistern_ring *ring, int socket, unsigned long long token, const void *bytes, int count, int tells);

/// Gives back the bytes of the events of the last wait, does what was asked for since, waits so many nanoseconds at most for
/// something to happen, and writes what has. Returns how many events there are, at most `capacity`, or a negative errno.
int cistern_ring_wait(cistern_ring *ring, long long nanoseconds, cistern_socket_event *events, int capacity);

#endif
