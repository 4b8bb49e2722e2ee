"""What each system call must be answered with, written by hand from the manual pages and not from the code.

Every name of both architectures stands here once, in a group that says why. A name that a newer table brings has no
group, and a test fails until somebody has decided.
"""

ALLOWED = {
    "files that it may reach": """
        open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2
        pwritev2 lseek dup dup2 dup3 stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2
        getdents getdents64 getcwd chdir fchdir truncate ftruncate fallocate fadvise64 readahead flock fsync fdatasync
        sync_file_range sendfile copy_file_range splice tee umask""",
    "names in its own tmpfs": """
        rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat symlink symlinkat readlink readlinkat
        mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat
        setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr
        lremovexattr fremovexattr""",
    "its memory, which RLIMIT_DATA and the watchdog count": """
        brk munmap mremap mprotect msync mincore madvise mlock mlock2 munlock mlockall munlockall remap_file_pages
        pkey_alloc pkey_free pkey_mprotect membarrier get_mempolicy""",
    "processes and threads, which RLIMIT_NPROC counts": """
        fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid getpgrp setpgid getsid
        setsid set_tid_address futex futex_waitv set_robust_list get_robust_list rseq restart_syscall arch_prctl
        pidfd_open pidfd_send_signal process_mrelease""",
    "identities, of which there is one": """
        getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid setresuid setresgid
        setfsuid setfsgid setgroups capget capset""",
    "signals": """
        kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo
        rt_sigsuspend rt_sigreturn sigaltstack signalfd signalfd4 pause alarm""",
    "time": """
        time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep times getitimer setitimer timer_create
        timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_gettime""",
    "scheduling within what it has": """
        sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max
        sched_get_priority_min sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr
        getpriority setpriority ioprio_set ioprio_get getcpu""",
    "limits, which it can only lower": "getrlimit setrlimit prlimit64 getrusage",
    "waiting": """
        select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd
        eventfd2 pipe pipe2""",
    "sockets that it has": """
        connect accept accept4 bind listen shutdown sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg getsockname
        getpeername setsockopt getsockopt""",
    "confining itself further": "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    "about the machine, harmless": "uname sysinfo getrandom",
    "asynchronous I/O, for which it cannot get a context": """
        io_destroy io_submit io_cancel io_getevents io_pgetevents""",
    "watches, for which it cannot get a descriptor": "inotify_add_watch inotify_rm_watch",
}

REFUSED = {
    "other processes": "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd",
    "mounts": """
        mount umount2 pivot_root chroot move_mount open_tree mount_setattr fsopen fsconfig fsmount fspick""",
    "namespaces": "unshare setns",
    "keys, programs in the host's kernel, its counters": "keyctl add_key request_key bpf perf_event_open userfaultfd",
    "a second way to every call": "io_uring_setup io_uring_enter io_uring_register",
    "the machine": """
        kexec_load kexec_file_load init_module finit_module delete_module create_module query_module get_kernel_syms
        reboot swapon swapoff acct quotactl quotactl_fd nfsservctl syslog settimeofday clock_settime clock_adjtime
        adjtimex sethostname setdomainname iopl ioperm modify_ldt vhangup sysfs _sysctl ustat uselib""",
    "budgets of the machine": "io_setup sync syncfs",
    "files by handle": "open_by_handle_at name_to_handle_at lookup_dcookie fanotify_init fanotify_mark",
    "where memory lies": "mbind set_mempolicy set_mempolicy_home_node move_pages migrate_pages",
    "memory that nobody counts": """
        memfd_secret vmsplice shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semctl semtimedop
        mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr""",
}

ABSENT = {
    "flags behind a pointer": "clone3",
    "memory that nobody counts, but libraries ask for": "memfd_create",
    "what other kernels do": "inotify_init inotify_init1",
    "too new to be needed": """
        cachestat statmount listmount futex_wake futex_wait futex_requeue mseal map_shadow_stack lsm_get_self_attr
        lsm_set_self_attr lsm_list_modules""",
    "the host's tracing": "uretprobe",
    "nothing behind it": """
        afs_syscall epoll_ctl_old epoll_wait_old getpmsg putpmsg security tuxcall vserver get_thread_area
        set_thread_area""",
}

BY_ARGUMENTS = {"clone", "socket", "socketpair", "ioctl", "fcntl", "prctl", "personality", "mmap"}

PROCESS_OPTIONS = {
    **{"PR_SET_PDEATHSIG": 1, "PR_GET_PDEATHSIG": 2, "PR_GET_DUMPABLE": 3, "PR_SET_NAME": 15, "PR_GET_NAME": 16},
    **{"PR_GET_SECCOMP": 21, "PR_SET_SECCOMP": 22, "PR_CAPBSET_READ": 23, "PR_GET_SECUREBITS": 27},
    **{"PR_SET_TIMERSLACK": 29, "PR_GET_TIMERSLACK": 30, "PR_SET_CHILD_SUBREAPER": 36, "PR_GET_CHILD_SUBREAPER": 37},
    **{"PR_SET_NO_NEW_PRIVS": 38, "PR_GET_NO_NEW_PRIVS": 39, "PR_GET_TID_ADDRESS": 40, "PR_SET_THP_DISABLE": 41},
    **{"PR_GET_THP_DISABLE": 42, "PR_CAP_AMBIENT": 47, "PR_SVE_GET_VL": 51, "PR_GET_SPECULATION_CTRL": 52},
    **{"PR_PAC_RESET_KEYS": 54, "PR_SET_TAGGED_ADDR_CTRL": 55, "PR_GET_TAGGED_ADDR_CTRL": 56, "PR_SME_GET_VL": 64},
    **{"PR_GET_MDWE": 66, "PR_SET_VMA": 0x53564D41, "PR_GET_AUXV": 0x41555856},
}
"""prctl's that are allowed; PR_SET_DUMPABLE, PR_SET_MM, PR_SCHED_CORE, PR_SET_PTRACER and unknown ones are invalid."""

NEWER = {
    **{"setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467},
    **{"file_getattr": 468, "file_setattr": 469},
}
"""What Linux 6.13 to 6.17 brought: numbers that the table must not reach before somebody has decided."""


def names(groups: dict[str, str]) -> list[str]:
    return [name for group in groups.values() for name in group.split()]
