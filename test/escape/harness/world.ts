import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BoxLayout, createBoxId, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import type { EscapeJob } from './job.js';
import { LIMITS } from './limits.js';

const MIB = 1024 * 1024;

/** A user's machine in small, made for one set of layers: what there is to be got hold of, and where. */
export interface World {
  readonly root: string;
  readonly layout: HomeLayout;
  readonly box: BoxLayout;
  readonly other: BoxLayout;
  /** The hostile program, where the VMM would lie. */
  readonly program: string;
  readonly kernel: string;
  /** Read-only disks of the box, beside its own. */
  readonly bases: readonly string[];
  readonly base: string;
  readonly writableVolume: string;
  readonly readOnlyVolume: string;
  /** What the hostile program is told, `key=value`. */
  readonly parameters: Map<string, string>;
  /** Text that nobody can know who has not read the file. */
  readonly secret: string;
  remove(): Promise<void>;
}

export async function makeWorld(job: EscapeJob): Promise<World> {
  const root = await mkdtemp(join(job.workDir, 'world-'));
  // The user's directories are closed to others, and on the way to what a VMM of another uid is given.
  chmodSync(root, 0o755);
  const secret = `secret-${randomBytes(9).toString('hex')}`;
  const parameters = new Map<string, string>();
  /** A file with a secret in it, known to the hostile program by `key`. */
  const file = (key: string, path: string, text = secret) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${text}\n`, { mode: 0o600 });
    parameters.set(key, path);
    return path;
  };
  const user = join(root, 'user');
  mkdirSync(user, { mode: 0o755 });
  const layout = createHomeLayout(join(user, '.boxlite'));
  await layout.prepare();
  const [box, other] = [layout.box(createBoxId()), layout.box(createBoxId())];
  for (const each of [box, other]) {
    await each.prepare();
    writeFileSync(each.stderrFile, '', { mode: 0o600 });
  }

  file('home-file', join(user, 'documents/letter'));
  file('ssh-key', join(user, '.ssh/id_ed25519'));
  file('profile', join(user, '.profile'), 'umask 077');
  file('authorized-keys', join(user, '.ssh/authorized_keys'), 'ssh-ed25519 somebody');
  file('file-to-open-up', join(user, 'private'));
  file('file-to-give-away', join(user, 'owned'));
  file('file-to-date', join(user, 'dated'));
  file('file-to-mark', join(user, 'marked'));
  file('leaked-file', join(user, 'open-in-the-host'));
  parameters.set('new-in-home', join(user, 'planted'));
  parameters.set('new-autostart', join(user, '.bashrc'));
  parameters.set('shadow', '/etc/shadow');
  parameters.set('host-name', '/etc/hostname');
  parameters.set('programs-dir', '/usr/bin');

  file('database', join(layout.home, 'db/boxlite.db'));
  file('database-to-write', join(layout.home, 'db/boxlite.db-wal'));
  file('image-layer', join(layout.layersDir, 'sha256-of-another'));
  parameters.set('boxes-dir', layout.boxesDir);
  parameters.set('other-box', other.id);
  const disk = `${secret}\n`.padEnd(MIB, '\0');
  file('other-disk', join(other.disksDir, 'disk.qcow2'), disk);
  file('other-disk-to-write', join(other.disksDir, 'guest-rootfs.qcow2'), disk);
  file('other-file-to-remove', join(other.disksDir, 'old.qcow2'), disk);
  file('other-base', join(layout.basesDir, 'other000.ext4'), disk);
  file('other-log', join(other.logsDir, 'console.log'));
  parameters.set('new-in-other-box', join(other.sharedDir, 'planted'));

  const base = file('own-base', join(layout.diskImagesDir, 'own-base.ext4'), disk);
  const bases = ['base-to-truncate', 'own-base-to-exchange'].map((key) =>
    file(key, join(layout.basesDir, `${key.slice(0, 8)}.ext4`), disk),
  );
  const kernel = file('kernel', join(layout.home, 'kernels/kernel'), '\x7fELF kernel');
  file('shim', join(box.binDir, 'boxlite-krun-shim'), 'the shim');
  file('shim-to-replace', join(box.binDir, 'libkrunfw.so.5'), 'a library');
  file('ca-key', box.caKey);
  file('ca-certificate', box.caCertificate, 'a certificate');
  // Where nothing isolates them, mounts/ is shared/, which the VMM sees by right.
  file('mounts-file', join(box.dir, 'mounts/secret'));
  file('log-file', join(box.logsDir, 'boxlite.log'), 'a log');
  file('exit-file', box.exitFile, '');
  parameters.set('pid-file', box.pidFile);
  parameters.set('pid-file-to-write', box.pidFile);
  file('stderr-file', box.stderrFile, 'what the VMM said');
  parameters.set('control-dir', box.controlDir);
  parameters.set('new-in-box', join(box.dir, 'planted'));
  parameters.set('own-api-socket', box.apiSocket);
  parameters.set('api-socket-to-replace', box.apiSocket);
  parameters.set('other-api-socket', other.apiSocket);
  parameters.set('other-agent-socket', other.agentSocket);
  parameters.set('bus-socket', join(root, 'run-bus'));
  parameters.set('engine-socket', join(root, 'run-engine'));

  const readOnlyVolume = join(root, 'read-only-volume');
  const writableVolume = join(root, 'writable-volume');
  for (const path of [readOnlyVolume, writableVolume]) mkdirSync(path, { mode: 0o700 });
  file('read-only-file', join(readOnlyVolume, 'kept'));
  file('file-to-remount', join(readOnlyVolume, 'remounted'));
  file('file-to-set', join(readOnlyVolume, 'set'));
  parameters.set('read-only-dir', readOnlyVolume);
  parameters.set('new-in-read-only', join(readOnlyVolume, 'planted'));
  parameters.set('writable-dir', writableVolume);
  mkdirSync(join(writableVolume, 'mount'), { mode: 0o700 });
  parameters.set('mount-dir', join(writableVolume, 'mount'));

  const program = join(root, 'hostile');
  cpSync(join(job.programsDir, 'hostile'), program);
  chmodSync(program, 0o755);
  parameters.set('own-program', program);
  const notGranted = join(root, 'not-granted');
  cpSync(join(job.programsDir, 'hostile'), notGranted);
  chmodSync(notGranted, 0o755);
  parameters.set('other-program', notGranted);
  const written = join(writableVolume, 'written-program');
  cpSync(join(job.programsDir, 'loaded'), written);
  chmodSync(written, 0o755);
  parameters.set('written-program', written);
  parameters.set('loader', loaderOf(written));
  parameters.set('set-user-id-program', job.setUserIdProgram);

  parameters.set('memory-mib', String(LIMITS.maxMemory / MIB + 64));
  parameters.set('file-limit', String(LIMITS.maxFileSize));
  parameters.set('tmp-mib', '80');
  parameters.set('log-mib', String((2 * LIMITS.consoleBytes) / MIB));
  parameters.set('cpu-seconds', String(LIMITS.maxCpuTime + 1));
  parameters.set('block-device', blockDevice());
  parameters.set('starter', String(process.pid));
  const group = ownCgroupProcesses();
  if (group !== undefined) parameters.set('cgroup-outside', group);
  return {
    ...{ root, layout, box, other, program, kernel, bases, base, writableVolume, readOnlyVolume, parameters, secret },
    async remove() {
      for (const each of [box, other]) await each.cleanup();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The loader a program asks for (elf(5), PT_INTERP). */
function loaderOf(program: string): string {
  return /\/lib[\w./-]*\/ld-linux[\w.-]*/.exec(readFileSync(program, 'latin1'))?.[0] ?? '/no-loader';
}

/** A disk of this machine; a name that is on no machine when it has none. */
function blockDevice(): string {
  const name = readdirSync('/sys/block').find((each) => !/^(loop|ram|zram|sr|fd)/.test(each));
  return `/dev/${name ?? 'boxlite-no-disk'}`;
}

/** Where a process is moved to this process's own v2 group. */
function ownCgroupProcesses(): string | undefined {
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  const group = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  return mount === undefined || group === undefined ? undefined : join(mount, group, 'cgroup.procs');
}
