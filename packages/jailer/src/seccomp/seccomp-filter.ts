import { BPF, type BpfInstruction, encodeBpf, load, returnValue, when } from './bpf.js';
import { DENIED_SYSCALLS } from './denied-syscalls.js';
import { filterArchitecture } from './filter-architecture.js';
import { AUDIT_ARCHITECTURE, OFFSET, VERDICT, X32_BIT } from './seccomp-data.js';
import { type FilterArchitecture, type SyscallName, syscallNumber } from './syscall-numbers.js';

export interface SeccompFilterOptions {
  /** False also takes internet sockets away. */
  readonly networkEnabled: boolean;
  /** Default: this machine's. */
  readonly architecture?: FilterArchitecture;
  /** Denied besides {@link DENIED_SYSCALLS}. */
  readonly alsoDenied?: readonly SyscallName[];
}

const { killProcess: KILL_PROCESS, allow: ALLOW, errno } = VERDICT;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

/** CLONE_NEWTIME (0x80, meaningful only to clone3 and unshare) aside, every CLONE_NEW* flag of linux/sched.h. */
const NEW_NAMESPACE_FLAGS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;

/** Terminal requests that put characters into somebody's shell (asm-generic/ioctls.h: TIOCSTI, TIOCLINUX). */
const TERMINAL_INJECTION = [0x5412, 0x541c];

/** S_ISUID and S_ISGID (linux/stat.h). */
const SET_ID_BITS = 0o6000;
/** Calls that give a file its mode, with the number of that argument. */
const MODE_ARGUMENT = { chmod: 1, fchmod: 1, fchmodat: 2, fchmodat2: 2, mknod: 1, mknodat: 2, creat: 1 } as const;
/** Calls that do when they make a file, with the numbers of flags and mode; O_CREAT and O_TMPFILE of asm-generic/fcntl.h. */
const CREATING_ARGUMENTS = { open: [1, 2], openat: [2, 3] } as const;
const CREATING_FLAGS = 0o100 | 0o20000000;

/** What is asked through a ring never comes by a filter: files of any mode could be made there, and sockets of any family. */
const IO_URING = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const;

/** Address families (linux/socket.h). All others, among them vsock, packet and the kernel's crypto sockets, are no business of a VMM. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * The system call filter of stage B as bytes for `SECCOMP_SET_MODE_FILTER`, a pure function.
 *
 * No file is made a set-user-id or set-group-id program: what a guest makes on a volume belongs to a user of the host, and would run as that user
 * for whoever can reach it. `openat2`, whose mode a filter cannot read, and io_uring, past which no filter looks, fail with ENOSYS, for which every
 * program has another way.
 *
 * A foreign architecture or the x32 interface kills the process; denied calls fail with EPERM; `clone3`, whose flags a filter cannot
 * read, fails with ENOSYS so that the C library falls back to `clone`; everything else is allowed.
 * @throws BoxliteError `unsupported` for an architecture without a table
 */
export function seccompFilter(options: SeccompFilterOptions): Uint8Array {
  const architecture = options.architecture ?? filterArchitecture();
  const onCall = (name: SyscallName, body: readonly BpfInstruction[]): readonly BpfInstruction[] => {
    const number = syscallNumber(name, architecture);
    return number === undefined ? [] : when('jumpEqual', number, body);
  };
  const denied = [...new Set([...DENIED_SYSCALLS, ...(options.alsoDenied ?? [])])];
  const families = options.networkEnabled ? [AF_UNIX, AF_INET, AF_INET6] : [AF_UNIX];
  const allow = returnValue(ALLOW);
  return encodeBpf([
    load(OFFSET.architecture),
    ...unlessEqual(AUDIT_ARCHITECTURE[architecture], returnValue(KILL_PROCESS)),
    load(OFFSET.number),
    ...(architecture === 'x64' ? when('jumpGreaterEqual', X32_BIT, [returnValue(KILL_PROCESS)]) : []),
    ...denied.flatMap((name) => onCall(name, [returnValue(EPERM)])),
    ...onCall('clone3', [returnValue(ENOSYS)]),
    ...onCall('openat2', [returnValue(ENOSYS)]),
    ...IO_URING.flatMap((name) => onCall(name, [returnValue(ENOSYS)])),
    ...names(MODE_ARGUMENT).flatMap((name) => onCall(name, [...refuseSetIds(MODE_ARGUMENT[name]), allow])),
    ...names(CREATING_ARGUMENTS).flatMap((name) => {
      const [flags, mode] = CREATING_ARGUMENTS[name];
      return onCall(name, [
        load(OFFSET.argument(flags)),
        ...when('jumpSet', CREATING_FLAGS, refuseSetIds(mode)),
        allow,
      ]);
    }),
    ...onCall('clone', [
      load(OFFSET.argument(0)),
      ...when('jumpSet', NEW_NAMESPACE_FLAGS, [returnValue(EPERM)]),
      allow,
    ]),
    ...onCall('socket', [
      load(OFFSET.argument(0)),
      ...families.flatMap((family) => when('jumpEqual', family, [allow])),
      returnValue(EAFNOSUPPORT),
    ]),
    ...onCall('ioctl', [
      load(OFFSET.argument(1)),
      ...TERMINAL_INJECTION.flatMap((request) => when('jumpEqual', request, [returnValue(EPERM)])),
      allow,
    ]),
    allow,
  ]);
}

function refuseSetIds(modeArgument: number): readonly BpfInstruction[] {
  return [load(OFFSET.argument(modeArgument)), ...when('jumpSet', SET_ID_BITS, [returnValue(EPERM)])];
}

function names<Table extends object>(table: Table): readonly (keyof Table)[] {
  return Object.keys(table) as (keyof Table)[];
}

/** Runs one instruction unless the accumulator is `constant`. */
function unlessEqual(constant: number, instruction: BpfInstruction): readonly BpfInstruction[] {
  return [{ code: BPF.jumpEqual, jumpTrue: 1, jumpFalse: 0, constant }, instruction];
}
