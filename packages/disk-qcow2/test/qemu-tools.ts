import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `qemu-img check` says. */
export interface QemuCheck {
  readonly corruptions: number;
  readonly leaks: number;
}

/** Runs `qemu-img`, the judge of these tests; the package itself never does. */
export async function qemuImg(...args: string[]): Promise<string> {
  return (await run('qemu-img', args)).stdout;
}

/** Runs commands of `qemu-io` on a disk. @throws when a command or a pattern check fails */
export async function qemuIo(path: string, format: 'raw' | 'qcow2', ...commands: string[]): Promise<string> {
  const { stdout, stderr } = await run('qemu-io', ['-f', format, ...commands.flatMap((c) => ['-c', c]), path]);
  if (/verification failed|error:|failed:/i.test(stdout + stderr))
    throw new Error(`qemu-io ${path}: ${stdout}${stderr}`);
  return stdout;
}

export async function qemuCheck(path: string): Promise<QemuCheck> {
  const report = await run('qemu-img', ['check', '--output=json', '-f', 'qcow2', path]).catch(
    (failed: { stdout?: string; stderr?: string }) => ({ stdout: failed.stdout ?? '', stderr: failed.stderr }),
  );
  const start = report.stdout.indexOf('{');
  if (start === -1) throw new Error(`qemu-img check ${path}: ${report.stderr}`);
  const { corruptions = 0, leaks = 0 } = JSON.parse(report.stdout.slice(start)) as Partial<QemuCheck>;
  return { corruptions, leaks };
}
