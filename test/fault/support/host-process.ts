import { fileURLToPath } from 'node:url';
import type {
  BoxInfo,
  BoxOptions,
  BuildTemplateOptions,
  ExecStatus,
  PoolOptions,
  SnapshotInfo,
  StopOptions,
  TemplateInfo,
} from '@boxlite/sdk';
import { REPOSITORY } from '../../support/run-cli.js';
import { type Breakpoint, type CalledProcess, calledProcess } from './called-process.js';

export type { Breakpoint } from './called-process.js';

/** What a host process can be asked to do; ids are box ids, or of executions. */
export interface HostCalls {
  open(): Promise<void>;
  create(options: BoxOptions): Promise<string>;
  start(id: string): Promise<void>;
  run(id: string, command: string, args?: readonly string[]): Promise<{ exitCode: number; stdout: string }>;
  exec(id: string, command: string, args?: readonly string[]): Promise<string>;
  wait(execution: string): Promise<ExecStatus>;
  stop(id: string, options?: Pick<StopOptions, 'graceMs'>): Promise<void>;
  info(id: string): Promise<BoxInfo>;
  list(): Promise<readonly BoxInfo[]>;
  template(options: Omit<BuildTemplateOptions, 'signal' | 'onStep'>): Promise<TemplateInfo>;
  templates(): Promise<readonly TemplateInfo[]>;
  snapshot(id: string, name: string): Promise<SnapshotInfo>;
  snapshots(id: string): Promise<readonly SnapshotInfo[]>;
  restore(id: string, name: string): Promise<void>;
  fork(id: string, count: number): Promise<readonly string[]>;
  /** Opens a pool and waits until it is full. */
  pool(options: PoolOptions): Promise<void>;
  remove(id: string, options?: { readonly force?: boolean }): Promise<void>;
  shutdown(): Promise<void>;
  break(at: Breakpoint | null): Promise<void>;
}

/** A process of its own that runs boxes with the built SDK. */
export type HostProcess = CalledProcess<HostCalls>;

const FIXTURE = fileURLToPath(new URL('../fixtures/host.mjs', import.meta.url));

/** Another user to be, and where that one can read the repository; needs root. */
export interface HostUser {
  readonly uid: number;
  readonly root: string;
}

/**
 * Starts a host process and opens the home in it.
 * @param breakpoint reached while the home is being opened, which is not waited for then
 * @param user default: who runs the tests
 */
export async function hostProcess(home: string, breakpoint?: Breakpoint, user?: HostUser): Promise<HostProcess> {
  const program = user === undefined ? FIXTURE : FIXTURE.replace(REPOSITORY, user.root);
  const host = await calledProcess<HostCalls>(program, [home], breakpoint, user?.uid);
  const opened = host.call.open();
  if (breakpoint === undefined) await opened;
  else opened.catch(() => undefined); // it ends with its process
  return host;
}
