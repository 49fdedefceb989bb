#ifdef __linux__
#define _GNU_SOURCE
#include "include/CSocketEvents.h"
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

// What a completion belongs to stands in the lowest two bits of its number, the descriptor in the 30 above them, and the
// token above that: a receive that ends before its socket does is begun again, which needs the descriptor.
enum { BUFFER_GROUP = 1, ENTRIES = 1024, COMPLETIONS = 8192 };

struct cistern_ring {
    struct io_uring uring;
    struct io_uring_buf_ring *free;
    size_t free_bytes;
    unsigned char *buffers;
    int buffer_count;
    int buffer_bytes;
    /// Buffers that the events of the last wait lie in.
    unsigned short *lent;
    int lent_count;
};

static unsigned long long number_of(int kind, int socket, unsigned long long token) {
    return token << 32 | (unsigned long long)(unsigned)socket << 2 | (unsigned long long)kind;
}

/// A free place; what stands in the others is handed over first where there is none.
static struct io_uring_sqe *place(cistern_ring *ring) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    while (!entry) {
        io_uring_submit(&ring->uring);
        entry = io_uring_get_sqe(&ring->uring);
    }
    return entry;
}

static void give_back(cistern_ring *ring, int buffer, int offset) {
    io_uring_buf_ring_add(
        ring->free, ring->buffers + (size_t)buffer * ring->buffer_bytes, ring->buffer_bytes, buffer,
        io_uring_buf_ring_mask(ring->buffer_count), offset
    );
}

cistern_ring *cistern_ring_create(int buffer_count, int buffer_bytes) {
    cistern_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return 0;
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = COMPLETIONS,
    };
    int failure = io_uring_queue_init_params(ENTRIES, &ring->uring, &parameters);
    if (failure) {
        free(ring);
        errno = -failure;
        return 0;
    }
    ring->buffer_count = buffer_count;
    ring->buffer_bytes = buffer_bytes;
    ring->free_bytes = buffer_count * sizeof(struct io_uring_buf);
    void *pages = mmap(0, ring->free_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ring->free = pages == MAP_FAILED ? 0 : pages;
    ring->buffers = malloc((size_t)buffer_count * buffer_bytes);
    ring->lent = malloc(COMPLETIONS * sizeof *ring->lent);
    struct io_uring_buf_reg group = {
        .ring_addr = (unsigned long)ring->free, .ring_entries = buffer_count, .bgid = BUFFER_GROUP
    };
    failure = ring->free && ring->buffers && ring->lent ? io_uring_register_buf_ring(&ring->uring, &group, 0) : -ENOMEM;
    if (failure) {
        cistern_ring_destroy(ring);
        errno = -failure;
        return 0;
    }
    io_uring_buf_ring_init(ring->free);
    for (int index = 0; index < buffer_count; index++) give_back(ring, index, index);
    io_uring_buf_ring_advance(ring->free, buffer_count);
    return ring;
}

void cistern_ring_destroy(cistern_ring *ring) {
    io_uring_queue_exit(&ring->uring);
    if (ring->free) munmap(ring->free, ring->free_bytes);
    free(ring->buffers);
    free(ring->lent);
    free(ring);
}

void cistern_ring_accept(cistern_ring *ring, int socket, unsigned long long token) {
    struct io_uring_sqe *entry = place(ring);
    io_uring_prep_multishot_accept(entry, socket, 0, 0, SOCK_CLOEXEC);
    entry->user_data = number_of(CISTERN_SOCKET_ACCEPTED, socket, token);
}

void cistern_ring_receive(cistern_ring *ring, int socket, unsigned long long token) {
    struct io_uring_sqe *entry = place(ring);
    io_uring_prep_recv(entry, socket, 0, 0, 0);
    entry->ioprio |= IORING_RECV_MULTISHOT;
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = BUFFER_GROUP;
    entry->user_data = number_of(CISTERN_SOCKET_RECEIVED, socket, token);
}

void cistern_ring_send(cistern_ring *ring, int socket, unsigned long long token, const void *bytes, int count, int tells) {
    struct io_uring_sqe *entry = place(ring);
    io_uring_prep_send(entry, socket, bytes, count, MSG_NOSIGNAL | MSG_WAITALL);
    if (!tells) entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = number_of(CISTERN_SOCKET_SENT, socket, token);
}

/// Writes the event that a completion is, and returns 1; 0 where it is none.
static int event_of(cistern_ring *ring, struct io_uring_cqe *completion, cistern_socket_event *event) {
    int kind = (int)(completion->user_data & 3);
    int socket = (int)(completion->user_data >> 2 & 0x3FFFFFFF);
    int goes_on = (completion->flags & IORING_CQE_F_MORE) != 0;
    *event = (cistern_socket_event){
        .token = completion->user_data >> 32, .count = completion->res, .kind = kind
    };
    if (completion->flags & IORING_CQE_F_BUFFER) {
        unsigned short buffer = (unsigned short)(completion->flags >> IORING_CQE_BUFFER_SHIFT);
        ring->lent[ring->lent_count++] = buffer;
        event->bytes = ring->buffers + (size_t)buffer * ring->buffer_bytes;
    }
    if (kind == CISTERN_SOCKET_RECEIVED && !goes_on) {
        // All buffers were lent: they are free again at the next wait. Or there was no room for more completions.
        if (completion->res == -ENOBUFS || completion->res > 0) cistern_ring_receive(ring, socket, event->token);
        if (completion->res == -ENOBUFS) return 0;
    }
    if (kind == CISTERN_SOCKET_ACCEPTED && !goes_on && completion->res >= 0) cistern_ring_accept(ring, socket, event->token);
    return 1;
}

int cistern_ring_wait(cistern_ring *ring, long long nanoseconds, cistern_socket_event *events, int capacity) {
    for (int index = 0; index < ring->lent_count; index++) give_back(ring, ring->lent[index], index);
    if (ring->lent_count) io_uring_buf_ring_advance(ring->free, ring->lent_count);
    ring->lent_count = 0;
    struct __kernel_timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    struct io_uring_cqe *completion;
    int result = io_uring_submit_and_wait_timeout(&ring->uring, &completion, 1, &time, 0);
    if (result < 0 && result != -ETIME && result != -EINTR) return result;
    if (capacity > COMPLETIONS) capacity = COMPLETIONS;
    unsigned head;
    int seen = 0, count = 0;
    io_uring_for_each_cqe(&ring->uring, head, completion) {
        if (seen == capacity) break;
        seen++;
        count += event_of(ring, completion, &events[count]);
    }
    io_uring_cq_advance(&ring->uring, seen);
    return count;
}
#else
typedef int cistern_no_ring;
#endif
