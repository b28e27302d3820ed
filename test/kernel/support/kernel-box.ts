import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Box, Boxlite, type BoxOptions } from '@boxlite/sdk';
import { REPOSITORY } from '../../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../../support/temporary-home.js';

const PROBES = join(REPOSITORY, 'test/kernel/native');
const PROBE_IN_BOX = '/usr/local/bin/kernel-probe';

/** A privileged box that has the probes of `test/kernel/native`. */
export interface KernelBox extends AsyncDisposable {
  readonly home: TemporaryHome;
  readonly boxlite: Boxlite;
  readonly box: Box;
  /** Runs a probe; resolves with what it prints, rejects with what it found. */
  probe(name: string, ...args: readonly string[]): Promise<string>;
  /** Runs a script that must end with status 0; resolves with its output. */
  sh(script: string, options?: { readonly input?: Uint8Array }): Promise<string>;
}

/** Builds the probes. @returns the path of the static program */
export async function buildKernelProbe(): Promise<string> {
  await promisify(execFile)('make', ['-C', PROBES]);
  return join(PROBES, 'build/kernel-probe');
}

export async function startKernelBox(options: BoxOptions = {}): Promise<KernelBox> {
  const program = await readFile(await buildKernelProbe());
  const home = await temporaryHome();
  const boxlite = await Boxlite.open({ homeDir: home.home });
  const box = await boxlite.create({ privileged: true, ...options });
  const run = async (argv: readonly [string, ...string[]], input?: Uint8Array): Promise<string> => {
    const [command, ...args] = argv;
    const { exitCode, stdout, stderr } = await box.run(command, args, input === undefined ? {} : { input });
    if (exitCode === 0) return text(stdout);
    throw new Error(`${argv.join(' ')} ended with status ${exitCode}\n${text(stdout)}${text(stderr)}`);
  };
  const end = async () => {
    await boxlite.shutdown({ graceMs: 0 });
    await home.remove();
  };
  try {
    const install = `mkdir -p /usr/local/bin && cat > ${PROBE_IN_BOX} && chmod 755 ${PROBE_IN_BOX}`;
    await run(['sh', '-c', install], program);
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return {
    home,
    boxlite,
    box,
    probe: (name, ...args) => run([PROBE_IN_BOX, name, ...args]),
    sh: (script, { input } = {}) => run(['sh', '-c', script], input),
    [Symbol.asyncDispose]: end,
  };
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
