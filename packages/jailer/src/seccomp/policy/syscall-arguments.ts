/** One argument of a call a policy can speak of. */
export interface SyscallArgument {
  readonly index: number;
  /** 32 where the kernel declares an int or an unsigned int and never looks at the upper half of the register. */
  readonly bits: 32 | 64;
}

/**
 * Arguments by call and name, as the kernel declares them (include/linux/syscalls.h; `clone` by CONFIG_CLONE_BACKWARDS on arm64, which leaves the flags
 * first). `name` is an int, `name:64` a long. Others are written arg0 to arg5 and compared whole.
 */
const ARGUMENTS: Readonly<Record<string, string>> = {
  accept4: 'fd - - flags',
  arch_prctl: 'option',
  chmod: '- mode',
  clone: 'flags:64',
  creat: '- mode',
  epoll_create1: 'flags',
  eventfd2: '- flags',
  fallocate: 'fd mode',
  fchmod: 'fd mode',
  fchmodat: 'fd - mode',
  fchmodat2: 'fd - mode flags',
  fcntl: 'fd command',
  getsockopt: 'fd level option',
  ioctl: 'fd request',
  kill: 'pid signal',
  madvise: '- - advice',
  memfd_create: '- flags',
  mkdirat: 'fd - mode',
  mknod: '- mode',
  mknodat: 'fd - mode',
  mmap: '- - protection:64 flags:64 fd:64',
  mprotect: '- - protection:64',
  mremap: '- - - flags:64',
  open: '- flags mode',
  openat: 'fd - flags mode',
  personality: 'persona',
  prctl: 'option arg1:64',
  prlimit64: 'pid resource new:64',
  renameat2: '- - - - flags',
  seccomp: 'operation flags',
  sendmmsg: 'fd - - flags',
  sendmsg: 'fd - flags',
  sendto: 'fd - - flags',
  set_mempolicy: 'mode',
  setns: 'fd type',
  setsockopt: 'fd level option',
  signalfd4: '- - - flags',
  socket: 'domain type protocol',
  socketpair: 'domain type protocol',
  tgkill: 'group thread signal',
  timerfd_create: 'clock flags',
  tkill: 'thread signal',
  unlinkat: 'fd - flags',
  unshare: 'flags:64',
};

/**
 * @param name one of the table, or `arg0` to `arg5`
 * @returns undefined when the call has no argument of that name
 */
export function syscallArgument(call: string, name: string): SyscallArgument | undefined {
  const words = Object.hasOwn(ARGUMENTS, call) ? (ARGUMENTS[call] ?? '').split(' ') : [];
  const index = words.findIndex((word) => word === name || word === `${name}:64`);
  if (index !== -1) return { index, bits: words[index] === name ? 32 : 64 };
  const plain = /^arg([0-5])$/.exec(name);
  return plain === null ? undefined : { index: Number(plain[1]), bits: 64 };
}

/** The names that can be used with a call, for error messages. */
export function argumentNames(call: string): readonly string[] {
  const words = Object.hasOwn(ARGUMENTS, call) ? (ARGUMENTS[call] ?? '').split(' ') : [];
  return [...words.filter((word) => word !== '-').map((word) => word.replace(':64', '')), 'arg0 to arg5'];
}
