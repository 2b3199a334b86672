/* Kills this process at its n-th change of a file under a folder: half of a write is done, anything else not at all.
   Built by tests/attack/killing.py; LD_PRELOAD=killpoint.so KILL_UNDER=folder. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long count, target;

void killpoint_arm(long at) { count = 0; target = at; }
long killpoint_count(void) { return count; }

static int ours_path(const char *path) {
    const char *under = getenv("KILL_UNDER");
    return under && path && strncmp(path, under, strlen(under)) == 0;
}

static int ours(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return ours_path(path);
}

static int due(int is_ours) { return is_ours && ++count == target; }
static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (due(ours(fd))) { (void)!real(fd, data, size / 2); die(); }
    return real(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    if (due(ours(fd))) { (void)!real(fd, data, size / 2, at); die(); }
    return real(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    if (due(ours(fd))) { (void)!real(fd, data, size / 2, at); die(); }
    return real(fd, data, size, at);
}
int ftruncate(int fd, off_t size) { REAL(ftruncate); if (due(ours(fd))) die(); return real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); if (due(ours(fd))) die(); return real(fd, size); }
int fsync(int fd) { REAL(fsync); if (due(ours(fd))) die(); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); if (due(ours(fd))) die(); return real(fd); }
int unlink(const char *path) { REAL(unlink); if (due(ours_path(path))) die(); return real(path); }
int rename(const char *from, const char *to) { REAL(rename); if (due(ours_path(from))) die(); return real(from, to); }
