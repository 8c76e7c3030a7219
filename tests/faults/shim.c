/* Faults of system calls, loaded into the server with LD_PRELOAD.
 *
 *   SHIM_CALLS   the calls that fail, with commas: open, write, sync, truncate
 *   SHIM_AT      the number of the first of them that fails, from 1
 *   SHIM_ERRNO   the error
 *   SHIM_ALWAYS  1: all that follow fail too, as on a full disk
 *   SHIM_WHILE   a file: calls are counted and fail only while it exists
 *   SHIM_KILL    the calls at which the process ends as by SIGKILL, with commas: write, sync and send (before the call), synced
 *                (after it); SHIM_AT and SHIM_WHILE say at which
 *   SHIM_REPORT  a file that gets a line with the kind of each call that has failed
 *   SHIM_PART    a part of the path of the files that this is about
 *   SHIM_UNDO    a file that gets what undoes each write that is not synced yet, so that a test can cut the power
 *   SHIM_LIE     1: a sync is said to be done, and is not
 *   SHIM_CLOCK   a file that holds the seconds by which the clock of the machine is wrong
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls_made;

static long number(const char *name) {
    const char *value = getenv(name);
    return value ? atol(value) : 0;
}

static int is_ours(const char *path) {
    const char *part = getenv("SHIM_PART");
    return part && strstr(path, part) != NULL;
}

static int path_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

static int is_on(void) {
    const char *file = getenv("SHIM_WHILE");
    return !file || syscall(SYS_faccessat, AT_FDCWD, file, F_OK) == 0;
}

/* Whether a list with commas has this word. */
static int lists(const char *variable, const char *word) {
    const char *list = getenv(variable);
    size_t length = strlen(word);
    for (const char *at = list; at && (at = strstr(at, word)); at += length) {
        int begins = at == list || at[-1] == ',', ends = at[length] == 0 || at[length] == ',';
        if (begins && ends) return 1;
    }
    return 0;
}

/* Ends the process if this is the call to do so. */
static void ends(const char *name) {
    if (!lists("SHIM_KILL", name) || !is_on()) return;
    if (atomic_fetch_add(&calls_made, 1) + 1 == number("SHIM_AT")) syscall(SYS_kill, getpid(), SIGKILL);
}

/* Whether this call has to fail; sets errno. */
static int fails(const char *name) {
    ends(name);
    if (!lists("SHIM_CALLS", name) || !is_on()) return 0;
    long made = atomic_fetch_add(&calls_made, 1) + 1, at = number("SHIM_AT");
    if (made != at && !(made > at && number("SHIM_ALWAYS"))) return 0;
    const char *report = getenv("SHIM_REPORT");
    if (report) {
        char line[32];
        int length = snprintf(line, sizeof line, "%s\n", name);
        long fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || syscall(SYS_write, fd, line, length) != length) abort();
        syscall(SYS_close, fd);
    }
    errno = (int)number("SHIM_ERRNO");
    return 1;
}

/* Opens the log of what undoes writes, and locks it against other threads and processes until it is closed; -1 without one. */
static int locked_log(void) {
    const char *log = getenv("SHIM_UNDO");
    if (!log) return -1;
    long to = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (to < 0 || syscall(SYS_flock, to, LOCK_EX) != 0) abort();
    return (int)to;
}

static void unlock(int log) {
    if (log >= 0) syscall(SYS_close, log);
}

/* An entry: 's' and the path, or 'w', the path, offset, old size, length and the old bytes. Numbers have 8 bytes. */
static void undo(int log, int fd, const char *path, int64_t offset, int64_t length, char kind) {
    if (log < 0) return;
    struct stat found;
    int64_t size = fstat(fd, &found) == 0 ? found.st_size : 0;
    if (length < 0) length = size > offset ? size - offset : 0;
    if (offset + length > size) length = size > offset ? size - offset : 0;
    uint64_t path_length = strlen(path);
    size_t total = 1 + 8 + path_length + (kind == 'w' ? 24 + (size_t)length : 0);
    char *entry = malloc(total), *at = entry;
    if (!entry) abort();
    *at++ = kind;
    memcpy(at, &path_length, 8), at += 8;
    memcpy(at, path, path_length), at += path_length;
    if (kind == 'w') {
        memcpy(at, &offset, 8), at += 8;
        memcpy(at, &size, 8), at += 8;
        memcpy(at, &length, 8), at += 8;
        if (length > 0) {
            /* The file may be open for writing alone. */
            long from = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
            if (from < 0 && strstr(path, " (deleted)")) {
                free(entry);
                return;
            }
            if (from < 0 || syscall(SYS_pread64, from, at, (size_t)length, offset) != length) abort();
            syscall(SYS_close, from);
        }
    }
    if (syscall(SYS_write, log, entry, total) != (long)total) abort();
    free(entry);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset, ssize_t (*real)(int, const void *, size_t, off_t)) {
    char path[4096];
    if (!path_of(fd, path, sizeof path)) return real(fd, bytes, length, offset);
    if (fails("write")) return -1;
    int log = locked_log();
    undo(log, fd, path, offset, (int64_t)length, 'w');
    ssize_t written = real(fd, bytes, length, offset);
    unlock(log);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return write_at(fd, bytes, length, offset, real);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return write_at(fd, bytes, length, offset, real);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[4096];
    if (fd < 3 || !path_of(fd, path, sizeof path)) return real(fd, bytes, length);
    if (fails("write")) return -1;
    int log = locked_log();
    undo(log, fd, path, lseek(fd, 0, SEEK_CUR), (int64_t)length, 'w');
    ssize_t written = real(fd, bytes, length);
    unlock(log);
    return written;
}

static ssize_t write_all_at(int fd, const struct iovec *parts, int count, off_t offset, ssize_t (*real)(int, const struct iovec *, int, off_t)) {
    char path[4096];
    if (!path_of(fd, path, sizeof path)) return real(fd, parts, count, offset);
    if (fails("write")) return -1;
    int64_t length = 0;
    for (int part = 0; part < count; part++) length += (int64_t)parts[part].iov_len;
    int log = locked_log();
    undo(log, fd, path, offset, length, 'w');
    ssize_t written = real(fd, parts, count, offset);
    unlock(log);
    return written;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    return write_all_at(fd, parts, count, offset, real);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off_t);
    return write_all_at(fd, parts, count, offset, real);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    ends("send");
    return real(fd, bytes, length, flags);
}

static int synced(int fd, int (*real)(int)) {
    char path[4096];
    if (!path_of(fd, path, sizeof path)) return real(fd);
    if (fails("sync")) return -1;
    if (number("SHIM_LIE")) return 0;
    int log = locked_log();
    int result = real(fd);
    if (result == 0) undo(log, fd, path, 0, 0, 's');
    unlock(log);
    ends("synced");
    return result;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return synced(fd, real);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return synced(fd, real);
}

static int truncated(int fd, off_t size, int (*real)(int, off_t)) {
    char path[4096];
    if (!path_of(fd, path, sizeof path)) return real(fd, size);
    if (fails("truncate")) return -1;
    int log = locked_log();
    undo(log, fd, path, size, -1, 'w');
    int result = real(fd, size);
    unlock(log);
    return result;
}

int ftruncate(int fd, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    return truncated(fd, size, real);
}

int ftruncate64(int fd, off_t size) {
    REAL(int, "ftruncate64", int, off_t);
    return truncated(fd, size, real);
}

static int mode_of(int flags, va_list list) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, int) : 0;
}

int open(const char *path, int flags, ...) {
    REAL(int, "open", const char *, int, ...);
    va_list list;
    va_start(list, flags);
    int mode = mode_of(flags, list);
    va_end(list);
    if (is_ours(path) && fails("open")) return -1;
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list list;
    va_start(list, flags);
    int mode = mode_of(flags, list);
    va_end(list);
    if (is_ours(path) && fails("open")) return -1;
    return real(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    const char *file = getenv("SHIM_CLOCK");
    if (result == 0 && clock == CLOCK_REALTIME && file) {
        char text[32] = {0};
        long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
        if (fd >= 0) {
            if (syscall(SYS_read, fd, text, sizeof text - 1) > 0) time->tv_sec += atol(text);
            syscall(SYS_close, fd);
        }
    }
    return result;
}
