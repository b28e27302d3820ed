import { spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { carriedKernel } from './carried-kernel.mjs';
import { checkoutShare } from './checkout-share.mjs';
import { ORDINARY_USER } from './guest-scripts.mjs';
import { hostImage } from './host-image.mjs';
import { initramfs } from './initramfs.mjs';
import { jobScript } from './job-script.mjs';
import { killGroup } from './kill-group.mjs';
import { INHERITED, qemuArguments } from './qemu-arguments.mjs';

const REPOSITORY = realpathSync(join(dirname(fileURLToPath(import.meta.url)), '../..'));
/** Exit statuses of `timeout` and of container tools: the time limit, and the host itself failed. */
export const TIMED_OUT = 124;
export const HOST_FAILED = 125;
/** How long the host may take to power off once it has told the status, in milliseconds; then it is killed. */
const POWER_OFF_MS = 10_000;
const CONSOLE_BYTES = 32 * 1024;

/**
 * Boots the nested KVM host, runs a command in it and powers it off, whatever happens.
 * @param {object} job
 * @param {string} job.command a bash script; its directory is the checkout
 * @param {'root' | 'ordinary'} [job.user] default root; `ordinary` is a user in group `kvm`
 * @param {string} [job.checkout] directory that is seen at the same path in the host; writes there are lost; default this repository
 * @param {Record<string, string>} [job.env] beside `BOXLITE_KERNEL_DIR`, which names BoxLite's own kernel of this machine where there is one and the
 *   checkout is this repository
 * @param {number} [job.timeoutSeconds] of the command and the boot together; default 900
 * @param {number} [job.memoryMiB] default 6144
 * @param {number} [job.cpus] default 1; with several the host may hang (README.md, "Limits")
 * @param {NodeJS.WritableStream} [job.stdout] default: this process's
 * @param {NodeJS.WritableStream} [job.stderr] default: this process's
 * @param {(line: string) => void} [job.say] progress; default console.error
 * @param {AbortSignal} [job.signal] kills the host
 * @returns {Promise<{ status: number, bootSeconds: number, commandSeconds: number }>} status 124: time limit, 125: the host ended without a status
 */
export async function runInKvmHost(job) {
  const { timeoutSeconds = 900, memoryMiB = 6144, cpus = 1, say = console.error, signal } = job;
  const checkout = realpathSync(job.checkout ?? REPOSITORY);
  const image = await hostImage({ say, signal });
  const user = job.user === 'ordinary' ? ORDINARY_USER : { name: 'root', uid: 0 };
  // Into a directory of somebody else's nothing is written.
  const kernel = checkout === REPOSITORY ? carriedKernel({ checkout, say }) : {};
  const env = { ...kernel, ...job.env };
  const script = Buffer.from(jobScript({ command: job.command, checkout, user, env }));
  const directory = mkdtempSync(join(tmpdir(), 'kvm-host-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  const closing = [removeDirectory];
  try {
    signal?.throwIfAborted();
    const socket = join(directory, 'checkout.sock');
    const share = await checkoutShare({ directory: checkout, socket });
    closing.unshift(share.close);
    signal?.throwIfAborted();
    writeFileSync(join(directory, 'initramfs'), initramfs(image));
    const qemu = startQemu(
      qemuArguments({
        kernel: image.kernel,
        initramfs: join(directory, 'initramfs'),
        rootDisk: image.rootDisk,
        checkoutSocket: socket,
        jobBytes: script.length,
        memoryMiB,
        cpus,
      }),
    );
    closing.unshift(() => killGroup(qemu));
    // Once the host is up nothing in the directory is needed: a killed runner leaves nothing.
    return await converse(qemu, { ...job, script, timeoutSeconds, say, onUp: removeDirectory });
  } finally {
    for (const close of closing) close();
  }
}

function startQemu(args) {
  // A process group of its own keeps Ctrl-C from QEMU, whose end is ours to order; if this process dies, the kernel kills QEMU.
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['ignore', 'ignore', 'pipe', ...Object.keys(INHERITED).map(() => 'pipe')],
    detached: true,
  });
}

/** Speaks to the host's first process over the control port until QEMU has ended. */
async function converse(qemu, { script, timeoutSeconds, say, onUp, signal, stdout, stderr }) {
  const begin = Date.now();
  const seconds = () => (Date.now() - begin) / 1000;
  let status;
  let bootSeconds = 0;
  let failure = '';
  const kill = () => killGroup(qemu);
  const limit = setTimeout(() => {
    status ??= TIMED_OUT;
    say(`kvm-host: the time limit of ${timeoutSeconds} s is over; the host is killed`);
    kill();
  }, timeoutSeconds * 1000);
  let powerOff;
  signal?.addEventListener('abort', kill, { once: true });

  qemu.stdio[INHERITED.out].pipe(stdout ?? process.stdout, { end: false });
  qemu.stdio[INHERITED.err].pipe(stderr ?? process.stderr, { end: false });
  const consoleTail = tailOf([qemu.stderr, qemu.stdio[INHERITED.console]]);
  createInterface({ input: qemu.stdio[INHERITED.control] }).on('line', (line) => {
    const [word, ...rest] = line.split(' ');
    if (word === 'up') {
      onUp();
      qemu.stdio[INHERITED.control].write(script);
    } else if (word === 'start') {
      bootSeconds = seconds();
    } else if (word === 'exit') {
      status ??= Number(rest[0]);
      powerOff = setTimeout(kill, POWER_OFF_MS);
    } else if (word === 'fail') {
      failure = rest.join(' ');
    }
  });
  // A host that dies takes the other ends of the ports with it; what that means is told by the missing status.
  for (const port of Object.values(INHERITED)) qemu.stdio[port].on('error', (cause) => consoleTail.add(`${cause}\n`));

  try {
    await new Promise((resolve, reject) => qemu.once('error', reject).once('close', resolve));
  } finally {
    clearTimeout(limit);
    clearTimeout(powerOff);
    signal?.removeEventListener('abort', kill);
  }
  signal?.throwIfAborted();
  if (status === undefined) {
    say(
      `kvm-host: the host ended before the command did${failure && `: ${failure}`}; its console:\n${consoleTail.text()}`,
    );
  }
  return { status: status ?? HOST_FAILED, bootSeconds, commandSeconds: seconds() - bootSeconds };
}

/** The last of what the streams say, without QEMU's list of processor features that TCG lacks. */
function tailOf(streams) {
  let text = '';
  const add = (chunk) => {
    text = (text + chunk).slice(-CONSOLE_BYTES);
  };
  for (const stream of streams) stream.setEncoding('utf8').on('data', add);
  return { add, text: () => text.replace(/^qemu-system-x86_64: warning: TCG doesn't support.*\n/gm, '') };
}
