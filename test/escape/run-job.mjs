// Runs a job of the harness as a user, in a network of its own that has the addresses a hostile program would look for.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleHarness } from './bundle.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGES = join(HERE, '../../packages');
/** On a disk, as boxes are: /tmp may be memory, which has no file handles. */
const WORK_ROOT = '/var/tmp';
const BUNDLE = 'harness/dist/main.mjs';

/** Loopback, a cloud's metadata service, and an address kept for documentation (RFC 5737) as the world outside. */
const NETWORK = [
  'ip link set lo up',
  'ip addr add 169.254.169.254/32 dev lo',
  'ip addr add 203.0.113.7/32 dev lo',
].join(' && ');

/** Debian's nobody:nogroup. */
export const ORDINARY_USER = 65534;

/**
 * What the jobs of one run share: programs and a bundle of the harness, readable for everybody, and one directory for each user.
 * @param {string} [entry] what is run in the harness's place
 * @returns {{ directory: string, remove(): void }}
 */
export function prepareRun(entry) {
  execFileSync('make', ['-s', '-C', join(HERE, 'native')]);
  const directory = mkdtempSync(join(WORK_ROOT, 'boxlite-escape-'));
  chmodSync(directory, 0o755);
  const programs = join(directory, 'programs');
  mkdirSync(programs, { mode: 0o755 });
  for (const from of [join(HERE, 'native/build'), ...nativeBuilds()]) copyPrograms(from, programs);
  bundleHarness(join(directory, BUNDLE), entry);
  // Packages find their policies beside dist/, and so does what is bundled of them.
  for (const name of readdirSync(PACKAGES)) {
    const policy = join(PACKAGES, name, 'policy');
    if (existsSync(policy)) cpSync(policy, join(directory, 'harness/policy'), { recursive: true });
  }
  const setUserId = join(directory, 'set-user-id');
  cpSync(join(programs, 'hostile'), setUserId);
  chmodSync(setUserId, 0o4755);
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

function nativeBuilds() {
  return readdirSync(PACKAGES)
    .map((name) => join(PACKAGES, name, 'native/build'))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

function copyPrograms(from, to) {
  for (const name of readdirSync(from)) {
    const path = join(from, name);
    if (!statSync(path).isFile() || /sanitized|fixture|mutant|\.tmp$|^\./.test(name)) continue;
    cpSync(path, join(to, name));
    chmodSync(join(to, name), 0o755);
  }
}

/** A group of the user's own, delegated as systemd does it, and this process in it (as in test/kvm-host/guest-scripts.mjs). */
function delegation(uid) {
  const user = `/sys/fs/cgroup/user.slice/user-${uid}.slice`;
  const service = `${user}/user@${uid}.service`;
  const scope = `${service}/app.slice/escape.scope`;
  return [
    'delegate() { for controller in cpu io memory pids; do echo +$controller > $1/cgroup.subtree_control; done 2>/dev/null; }',
    `mkdir -p ${scope}`,
    `delegate /sys/fs/cgroup/user.slice; delegate ${user}; chown -R ${uid} ${service}; delegate ${service}; delegate ${service}/app.slice`,
    `echo 0 > ${scope}/cgroup.procs`,
    '',
  ].join('\n');
}

/**
 * @param {{ directory: string }} run
 * @param {{ uid: number, network: boolean, layers: readonly string[], attempts: readonly object[], accelerator?: string }} what
 * @param {(line: string) => void} [say] told of progress
 * @returns {Promise<import('./harness/job.js').EscapeReport>}
 */
export async function runJob({ directory }, { uid, ...what }, say = () => undefined) {
  const workDir = mkdtempSync(join(directory, `user-${uid}-`));
  chmodSync(workDir, 0o755);
  chownSync(workDir, uid, uid);
  const programsDir = join(directory, 'programs');
  const job = {
    accelerator: 'tcg',
    policy: 'qemu',
    ...what,
    workDir,
    programsDir,
    setUserIdProgram: join(directory, 'set-user-id'),
  };
  const file = join(workDir, 'job.json');
  writeFileSync(file, JSON.stringify(job));
  const isKvmHost = process.env.BOXLITE_KVM_HOST === '1';
  const groups = isKvmHost ? '--groups="$(getent group kvm | cut -d: -f3)"' : '--clear-groups';
  const become = uid === 0 ? '' : `setpriv --reuid=${uid} --regid=${uid} ${groups} `;
  const script = `${isKvmHost && uid !== 0 ? delegation(uid) : ''}${NETWORK} && exec ${become}"$0" "$@"`;
  const args = ['--net', 'sh', '-c', script, process.execPath, join(directory, BUNDLE), file];
  const env = { PATH: process.env.PATH, HOME: workDir, BOXLITE_NATIVE_DIR: programsDir, ESCAPE: '1' };
  const child = spawn('unshare', args, { env, cwd: workDir, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
    say(String(chunk).trimEnd());
  });
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  rmSync(workDir, { recursive: true, force: true });
  if (status !== 0) throw new Error(`the harness ended with ${status}: ${errors.slice(-4000)}`);
  return JSON.parse(out);
}
