/* What stands before the file system of an AppImage (type 2): shows it to the program as a folder, and starts that.
 *
 * packaging/appimage.py compiles it. The file system is squashfs, compressed with zstd. It is mounted by FUSE, served by
 * a child of this process, until the program has ended; where there is no FUSE it is unpacked for the length of the run.
 *
 *   FILE [ARGUMENTS]                            start the program
 *   FILE --appimage-extract [FOLDER]            unpack to FOLDER (squashfs-root)
 *   FILE --appimage-extract-and-run ARGUMENTS   as without FUSE (also APPIMAGE_EXTRACT_AND_RUN=1)
 *   FILE --appimage-mount                       mount, say where, stay until interrupted
 *   FILE --appimage-offset                      where the file system begins, in bytes
 *
 * The program is AppRun in the file system. It is told APPDIR (where the folder is), APPIMAGE (this file), ARGV0 (by which
 * name it was called) and OWD (where from).
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 32
#include <squashfuse/config.h>
#undef _POSIX_C_SOURCE

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <squashfuse/ll.h>
#include <squashfuse/squashfuse.h>

#define WRONG 127 /* exit code when the program could not be started */

static char self[PATH_MAX];

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...) {
    va_list values;
    const char *name = strrchr(self, '/');
    fprintf(stderr, "%s: ", name ? name + 1 : "AppImage");
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
}

/* -- the file system ----------------------------------------------------------------------------------------------- */

/* squashfuse asks for these by name. The library's own would bring every method of compression, LZO's under the GPL. */
static sqfs_err unzstd(void *in, size_t insize, void *out, size_t *outsize) {
    size_t got = ZSTD_decompress(out, *outsize, in, insize);
    if (ZSTD_isError(got)) return SQFS_ERR;
    *outsize = got;
    return SQFS_OK;
}

sqfs_decompressor sqfs_decompressor_get(sqfs_compression_type type) {
    return type == ZSTD_COMPRESSION ? unzstd : NULL;
}

char *sqfs_compression_name(sqfs_compression_type type) {
    return type == ZSTD_COMPRESSION ? "zstd" : NULL;
}

void sqfs_compression_supported(sqfs_compression_type *types) {
    memset(types, SQFS_COMP_UNKNOWN, SQFS_COMP_MAX * sizeof *types);
    types[0] = ZSTD_COMPRESSION;
}

/* Where this program ends and the file system begins: its table of sections is the last that it has; 0 if unreadable. */
static size_t offset_of(const char *file) {
    Elf64_Ehdr head;
    int input = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got = input < 0 ? -1 : read(input, &head, sizeof head);
    if (input >= 0) close(input);
    if (got != (ssize_t)sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG)) return 0;
    return head.e_shoff + (size_t)head.e_shentsize * head.e_shnum;
}

/* -- unpacking ----------------------------------------------------------------------------------------------------- */

static int write_file(sqfs *fs, sqfs_inode *inode, const char *path, mode_t mode) {
    static char block[1 << 20];
    int failed = 0, out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode | S_IWUSR);
    if (out < 0) return -1;
    for (uint64_t at = 0; !failed && at < inode->xtra.reg.file_size;) {
        sqfs_off_t size = sizeof block;
        if (sqfs_read_range(fs, inode, at, &size, block) || size <= 0) {
            errno = EIO; /* a damaged file */
            failed = 1;
        }
        for (sqfs_off_t done = 0; !failed && done < size;) {
            ssize_t now = write(out, block + done, size - done);
            if (now < 0) failed = 1;
            else done += now;
        }
        at += size;
    }
    if (!failed) failed = fchmod(out, mode);
    if (close(out)) failed = 1;
    return failed ? -1 : 0;
}

static int write_link(sqfs *fs, sqfs_inode *inode, const char *path) {
    char target[PATH_MAX];
    size_t size = sizeof target;
    if (sqfs_readlink(fs, inode, target, &size)) {
        errno = EIO;
        return -1;
    }
    unlink(path);
    return symlink(target, path);
}

static int write_entry(sqfs *fs, sqfs_traverse *walk, const char *path) {
    sqfs_inode inode;
    if (sqfs_inode_get(fs, &inode, sqfs_dentry_inode(&walk->entry))) {
        errno = EIO;
        return -1;
    }
    mode_t mode = inode.base.mode;
    if (S_ISDIR(mode)) return mkdir(path, 0755) && errno != EEXIST ? -1 : 0;
    if (S_ISREG(mode)) return write_file(fs, &inode, path, mode & 07777);
    return S_ISLNK(mode) ? write_link(fs, &inode, path) : 0;
}

/* Unpack everything below a folder that exists; 0, or -1 after saying what went wrong. */
static int unpack(size_t offset, const char *folder) {
    sqfs fs;
    sqfs_traverse walk;
    sqfs_err error = SQFS_OK;
    int failed = 0;
    if (sqfs_open_image(&fs, self, offset)) return -1; /* which says why */
    if (sqfs_traverse_open(&walk, &fs, sqfs_inode_root(&fs))) {
        say("the file is damaged");
        return -1;
    }
    while (!failed && sqfs_traverse_next(&walk, &error)) {
        char path[PATH_MAX];
        if (walk.dir_end) continue;
        snprintf(path, sizeof path, "%s/%s", folder, walk.path);
        failed = write_entry(&fs, &walk, path);
        if (failed)
            say("%s cannot be written: %s%s", path, strerror(errno),
                errno == ENOSPC ? " - a place with 600 MB is named by TMPDIR" : "");
    }
    if (error) say("the file is damaged");
    sqfs_traverse_close(&walk);
    sqfs_destroy(&fs);
    return failed || error ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

/* -- mounting ------------------------------------------------------------------------------------------------------ */

struct mounted {
    char folder[PATH_MAX];
    int alive; /* reads the end of file when the program has ended */
};

/* Takes the folder away once the program has ended. What still reads from it (a child that is closing its files) goes on
 * being served until it has ended, too: the session ends when the kernel has no use for it any more. */
static void *unmount_after(void *argument) {
    struct mounted *mounted = argument;
    char byte;
    while (read(mounted->alive, &byte, 1) < 0 && errno == EINTR) {}
    if (umount2(mounted->folder, MNT_DETACH)) {
        pid_t helper = fork();
        if (helper == 0) {
            execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", mounted->folder, (char *)NULL);
            _exit(WRONG);
        }
        while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) {}
    }
    rmdir(mounted->folder);
    return NULL;
}

/* Mount and serve until the program has ended; says one byte to `ready` when the folder can be read. */
static void serve(size_t offset, struct mounted *mounted, int ready) {
    static struct fuse_lowlevel_ops operations = {
        .getattr = sqfs_ll_op_getattr, .opendir = sqfs_ll_op_opendir, .releasedir = sqfs_ll_op_releasedir,
        .readdir = sqfs_ll_op_readdir, .lookup = sqfs_ll_op_lookup, .open = sqfs_ll_op_open,
        .create = sqfs_ll_op_create, .release = sqfs_ll_op_release, .read = sqfs_ll_op_read,
        .readlink = sqfs_ll_op_readlink, .listxattr = sqfs_ll_op_listxattr, .getxattr = sqfs_ll_op_getxattr,
        .forget = sqfs_ll_op_forget, .statfs = stfs_ll_op_statfs,
    };
    char *words[] = {"mnemoscope", "-o", "ro,nosuid,nodev,fsname=mnemoscope,subtype=squashfuse"};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    sqfs_ll_chan channel;
    pthread_t watcher;
    int nothing = open("/dev/null", O_RDWR);
    setsid(); /* a Ctrl-C in the terminal is the program's, which still reads its files then */
    for (int output = 0; output < 3; output++) dup2(nothing, output);
    sqfs_ll *files = sqfs_ll_open(self, offset);
    if (!files) _exit(1);
    if (sqfs_ll_mount(&channel, mounted->folder, &arguments, &operations, sizeof operations, files)) _exit(1);
    if (pthread_create(&watcher, NULL, unmount_after, mounted)) _exit(1);
    if (write(ready, "", 1) != 1) _exit(1);
    close(ready);
    fuse_session_loop(channel.session);
    pthread_join(watcher, NULL);
    _exit(0);
}

/* A new empty folder with room for what must be there; 0 or -1. */
static int new_folder(char *folder, const char *const *places) {
    for (; *places; places++) {
        if (!**places) continue;
        snprintf(folder, PATH_MAX, "%s/mnemoscope-XXXXXX", *places);
        if (mkdtemp(folder)) return 0;
    }
    return -1;
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

/* Mount on a new folder; what keeps it mounted as long as it is open, or -1 where that cannot be done. */
static int mount_image(size_t offset, char *folder) {
    const char *places[] = {setting("TMPDIR"), setting("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp", NULL};
    struct mounted mounted;
    int alive[2], ready[2];
    char byte;
    if (access("/dev/fuse", R_OK | W_OK) || new_folder(mounted.folder, places)) return -1;
    strcpy(folder, mounted.folder);
    if (pipe(alive) || pipe(ready)) return -1;
    pid_t server = fork();
    if (server == 0) {
        close(alive[1]);
        close(ready[0]);
        mounted.alive = alive[0];
        if (fork() == 0) serve(offset, &mounted, ready[1]); /* nobody's child: the program waits for its own only */
        _exit(0);
    }
    close(alive[0]);
    close(ready[1]);
    while (server > 0 && waitpid(server, NULL, 0) < 0 && errno == EINTR) {}
    ssize_t got = read(ready[0], &byte, 1);
    close(ready[0]);
    if (got == 1) return alive[1];
    close(alive[1]);
    rmdir(folder);
    return -1;
}

/* -- starting ------------------------------------------------------------------------------------------------------ */

static void start(const char *folder, char **arguments) {
    char program[PATH_MAX + 8], place[PATH_MAX];
    setenv("APPDIR", folder, 1);
    setenv("APPIMAGE", self, 1);
    setenv("ARGV0", arguments[0], 1);
    if (getcwd(place, sizeof place)) setenv("OWD", place, 1);
    snprintf(program, sizeof program, "%s/AppRun", folder);
    execv(program, arguments);
    say("%s cannot be started: %s%s", program, strerror(errno),
        errno == EACCES ? " - where programs may not run, name another place with TMPDIR" : "");
}

static pid_t program;

static void pass_on(int number) {
    if (program > 0) kill(program, number);
}

/* Unpack to a folder of its own, start the program there, and remove it when it has ended; the exit code. */
static int unpacked_run(size_t offset, char **arguments) {
    const char *places[] = {setting("TMPDIR"), "/var/tmp", "/tmp", NULL};
    char folder[PATH_MAX];
    int status = WRONG << 8;
    if (new_folder(folder, places)) {
        say("there is no folder for temporary files - name one with TMPDIR");
        return WRONG;
    }
    if (unpack(offset, folder) == 0) {
        program = fork();
        if (program == 0) {
            start(folder, arguments);
            _exit(WRONG);
        }
        struct sigaction passed = {.sa_handler = pass_on, .sa_flags = SA_RESTART}, ignored = {.sa_handler = SIG_IGN};
        sigaction(SIGTERM, &passed, NULL);
        sigaction(SIGHUP, &passed, NULL);
        sigaction(SIGINT, &ignored, NULL); /* the terminal sends these to the program itself */
        sigaction(SIGQUIT, &ignored, NULL);
        while (waitpid(program, &status, 0) < 0 && errno == EINTR) {}
    }
    nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(size_t offset, char **arguments) {
    char folder[PATH_MAX];
    int alive = mount_image(offset, folder);
    if (alive < 0) {
        say("no FUSE (fuse3) here, so it is unpacked for this run, which takes a while and 600 MB");
        return unpacked_run(offset, arguments);
    }
    start(folder, arguments);
    return WRONG;
}

static int extract(size_t offset, const char *folder) {
    if (mkdir(folder, 0755) && errno != EEXIST) {
        say("%s cannot be made: %s", folder, strerror(errno));
        return 1;
    }
    if (unpack(offset, folder)) return 1;
    printf("%s\n", folder);
    return 0;
}

static int stay_mounted(size_t offset) {
    char folder[PATH_MAX];
    if (mount_image(offset, folder) < 0) {
        say("no FUSE (fuse3) here");
        return 1;
    }
    printf("%s\n", folder);
    fflush(stdout);
    pause();
    return 0;
}

int main(int count, char **arguments) {
    const char *word = count > 1 ? arguments[1] : "";
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t offset = size > 0 ? offset_of(self) : 0;
    if (!offset) {
        fprintf(stderr, "AppImage: its own file cannot be read (is /proc there?)\n");
        return WRONG;
    }
    if (!strcmp(word, "--appimage-offset")) return printf("%zu\n", offset) < 0;
    if (!strcmp(word, "--appimage-extract")) return extract(offset, count > 2 ? arguments[2] : "squashfs-root");
    if (!strcmp(word, "--appimage-mount")) return stay_mounted(offset);
    if (!strcmp(word, "--appimage-extract-and-run")) {
        arguments[1] = arguments[0];
        return unpacked_run(offset, arguments + 1);
    }
    return *setting("APPIMAGE_EXTRACT_AND_RUN") ? unpacked_run(offset, arguments) : run(offset, arguments);
}
