import type { SyscallName } from './syscall-numbers.js';

/**
 * Calls that fail with EPERM whatever their arguments: none of them is needed by a VMM that has been set up, and each either changes the
 * view it was put into, reaches into another process, loads code into the kernel, or is a known way to exploit it.
 *
 * For a VMM that brings no policy: a deny-list keeps any program working, and holds less than an allow-list of its own would. `execve` stays allowed,
 * since stage B itself needs it and a filter cannot count; Landlock restricts what it can run.
 */
export const DENIED_SYSCALLS: readonly SyscallName[] = [
  // The view: mounts old and new, roots, namespaces.
  'mount',
  'umount2',
  'move_mount',
  'open_tree',
  'open_tree_attr',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'mount_setattr',
  'statmount',
  'listmount',
  'pivot_root',
  'chroot',
  'setns',
  'unshare',
  // Other processes.
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_madvise',
  'pidfd_getfd',
  'kcmp',
  // The kernel's own code and life.
  'kexec_load',
  'kexec_file_load',
  'reboot',
  'init_module',
  'finit_module',
  'delete_module',
  'bpf',
  'perf_event_open',
  'userfaultfd',
  'fanotify_init',
  // Keyrings are not part of any namespace but the user's.
  'keyctl',
  'add_key',
  'request_key',
  // File systems and accounting; handles open files by number, past every path.
  'swapon',
  'swapoff',
  'acct',
  'quotactl',
  'quotactl_fd',
  'name_to_handle_at',
  'open_by_handle_at',
  'lookup_dcookie',
  'nfsservctl',
  // The machine's identity, clock, log and terminal.
  'sethostname',
  'setdomainname',
  'settimeofday',
  'clock_settime',
  'clock_adjtime',
  'adjtimex',
  'vhangup',
  'syslog',
  // Execution domains and relics.
  'personality',
  'iopl',
  'ioperm',
  'modify_ldt',
  'uselib',
  'ustat',
  'sysfs',
  '_sysctl',
];
