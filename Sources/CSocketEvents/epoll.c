#ifdef __linux__
#define _GNU_SOURCE
#include "include/CSocketEvents.h"
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>

int cistern_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int cistern_epoll_add(int epoll, int socket, unsigned long long token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
}

int cistern_epoll_expect_room(int epoll, int socket, unsigned long long token, int is_expected) {
    struct epoll_event event = {.events = is_expected ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event);
}

int cistern_epoll_remove(int epoll, int socket) { return epoll_ctl(epoll, EPOLL_CTL_DEL, socket, 0); }

int cistern_epoll_wait(int epoll, long long nanoseconds, cistern_socket_event *events, int capacity) {
    struct epoll_event ready[512];
    if (capacity > 512) capacity = 512;
    long long milliseconds = nanoseconds / 1000000;
    int count = epoll_wait(epoll, ready, capacity, milliseconds > 1000 ? 1000 : (int)milliseconds);
    if (count == 0 && milliseconds == 0 && nanoseconds > 0) {
        // epoll_wait counts milliseconds; a request of an open loop is due in less.
        struct pollfd waiting = {.fd = epoll, .events = POLLIN};
        struct timespec time = {.tv_sec = 0, .tv_nsec = nanoseconds};
        if (ppoll(&waiting, 1, &time, 0) <= 0) return 0;
        count = epoll_wait(epoll, ready, capacity, 0);
    }
    if (count < 0) return 0;
    for (int index = 0; index < count; index++) {
        events[index] = (cistern_socket_event){.token = ready[index].data.u64, .kind = CISTERN_SOCKET_READY};
    }
    return count;
}
#else
typedef int cistern_no_epoll;
#endif
