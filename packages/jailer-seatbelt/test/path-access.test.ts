import { describe, expect, it } from 'vitest';
import { seatbeltProfile } from '../src/index.js';
import type { ProfileContext } from '../src/profile/seatbelt-profile.js';
import { BOX, DEFAULT_BOX, MASKS_IN_VOLUMES, NESTED_VOLUMES, SHIM } from './profile-contexts.js';
import { accessUnder, type FileAccess } from './sbpl/access-under.js';
import { sbplProfile } from './sbpl/evaluate-sbpl.js';
import type { Question, SocketEnd } from './sbpl/sbpl-question.js';

const HOME = '/Users/ann/.boxlite';
const OTHER_BOX = `${HOME}/boxes/c1C2c3C4c5C6`;

const READ_ONLY: FileAccess = { read: true, write: false, execute: true, map: true, connect: false, bind: false };
const READ_WRITE: FileAccess = { read: true, write: true, execute: false, map: false, connect: true, bind: true };
const NOTHING: FileAccess = { read: false, write: false, execute: false, map: false, connect: false, bind: false };

function accessOf(context: ProfileContext, path: string): FileAccess {
  return accessUnder(sbplProfile(seatbeltProfile(context, SHIM)), path);
}

describe('a box under seatbelt may, of the path table of the specification,', () => {
  it.each([
    ['sockets/', `${BOX}/sockets/box.sock`],
    ['tmp/', `${BOX}/tmp/x`],
    ['shared/', `${BOX}/shared/a/b`],
    ['the container disk', `${BOX}/disks/disk.qcow2`],
    ['the guest rootfs overlay', `${BOX}/disks/guest-rootfs.qcow2`],
  ])('read and write %s, and not execute it', (_, path) => {
    expect(accessOf(DEFAULT_BOX, path)).toEqual(READ_WRITE);
  });

  it.each([
    ['bin/', `${BOX}/bin/libkrunfw.dylib`],
    ['the shim', SHIM],
    ['the kernel file', `${HOME}/kernels/4d3c2b1a`],
    ['a backing file of the chain', `${HOME}/bases/aaaa1111.qcow2`],
    ['the image disk at the end of the chain', `${HOME}/images/disk-images/sha256-0011.ext4`],
    ['the directory of the chain, which libkrun looks at on macOS', `${HOME}/bases`],
    ['a library of the VMM', '/opt/homebrew/lib/libkrun.1.dylib'],
  ])('read and execute %s, and not write it', (_, path) => {
    expect(accessOf(DEFAULT_BOX, path)).toEqual(READ_ONLY);
  });

  it.each([
    ['mounts/', `${BOX}/mounts/containers/c/rootfs`],
    ['control/', `${BOX}/control/api.sock`],
    ['ca/', `${BOX}/ca/key.pem`],
    ['shim.pid', `${BOX}/shim.pid`],
    ['shim.stderr', `${BOX}/shim.stderr`],
    ['logs/, which the supervisor writes', `${BOX}/logs/console.log`],
    ['exit, which the supervisor writes', `${BOX}/exit`],
    ['another file among the disks', `${BOX}/disks/other.qcow2`],
    ['what is made in the box directory', `${BOX}/new`],
    ['the database', `${HOME}/db/boxlite.db`],
    ['another box', OTHER_BOX],
    ['another box’s disk', `${OTHER_BOX}/disks/disk.qcow2`],
    ['another box’s socket', `${OTHER_BOX}/sockets/box.sock`],
    ['another kernel', `${HOME}/kernels/other`],
    ['the image layers', `${HOME}/images/layers/sha256-1`],
    ['the home', HOME],
    ['another library beside the VMM’s', '/opt/homebrew/lib/libssl.dylib'],
  ])('not read, write, execute, bind or dial %s', (_, path) => {
    expect(accessOf(DEFAULT_BOX, path)).toEqual(NOTHING);
  });

  it('look at the directories that lead to what is granted, and not list them', () => {
    const profile = sbplProfile(seatbeltProfile(DEFAULT_BOX, SHIM));
    for (const path of ['/Users', '/Users/ann', HOME, `${HOME}/boxes`, BOX, `${BOX}/disks`, `${HOME}/kernels`]) {
      for (const semantics of ['last', 'nearest'] as const) {
        expect(profile.allows({ operation: 'file-read-metadata', path }, semantics), path).toBe(true);
        expect(profile.allows({ operation: 'file-read-data', path }, semantics), path).toBe(false);
      }
    }
    for (const path of [`${HOME}/db`, OTHER_BOX, `${BOX}/ca`, '/Users/bob', '/Users/ann/.ssh']) {
      expect(profile.allows({ operation: 'file-read-metadata', path }), path).toBe(false);
    }
  });

  it('follow the short link to its sockets, by both names of /tmp, and not make another in its place', () => {
    const profile = sbplProfile(seatbeltProfile(DEFAULT_BOX, SHIM));
    for (const path of [
      '/tmp/bl-501/b0xA1b2C3d4E',
      '/private/tmp/bl-501/b0xA1b2C3d4E',
      '/tmp',
      '/private/tmp/bl-501',
    ]) {
      expect(profile.allows({ operation: 'file-read-metadata', path }), path).toBe(true);
      for (const operation of ['file-write-create', 'file-write-unlink']) {
        expect(profile.allows({ operation, path }), path).toBe(false);
      }
    }
    expect(accessOf(DEFAULT_BOX, '/private/tmp/bl-501/other-box')).toEqual(NOTHING);
  });
});

describe('a box under seatbelt can reach nothing else of the host:', () => {
  it.each([
    '/etc/master.passwd',
    '/private/etc/master.passwd',
    '/private/etc/sudoers',
    '/private/etc/passwd',
    '/Users/ann',
    '/Users/ann/.ssh/id_ed25519',
    '/Users/ann/.aws/credentials',
    '/Users/ann/.docker/run/docker.sock',
    '/Users/ann/.zshrc',
    '/Users/ann/Library/Keychains/login.keychain-db',
    '/Users/ann/Library/LaunchAgents/evil.plist',
    '/Users/ann/Documents/letter',
    '/Users/bob',
    '/Users/bob/.ssh/id_rsa',
    '/Users/Shared/x',
    '/Library/Keychains/System.keychain',
    '/Library/LaunchDaemons/evil.plist',
    '/private/var/run/docker.sock',
    '/var/run/docker.sock',
    '/private/var/run/syslog',
    '/private/var/db/dslocal/nodes/Default/users/ann.plist',
    '/private/var/root/secret',
    '/private/var/folders/xx/yyyy/T/secret',
    '/private/tmp/com.apple.launchd.x/Listeners',
    '/private/tmp/other',
    '/Volumes/backup/x',
    '/Applications/Safari.app/Contents/MacOS/Safari',
    '/System/Volumes/Data/Users/ann/.ssh/id_ed25519',
    '/System/Volumes/Data/private/etc/master.passwd',
    '/bin/sh',
    '/usr/bin/python3',
    '/usr/bin/osascript',
    '/usr/local/bin/docker',
    '/opt/homebrew/bin/brew',
    '/dev/disk0',
    '/dev/rdisk1',
    '/dev/bpf0',
    '/dev/tty',
    '/dev/mem',
    '/cores/core.1',
  ])('%s', (path) => {
    expect(accessOf(DEFAULT_BOX, path)).toEqual(NOTHING);
    expect(accessOf({ ...DEFAULT_BOX, networkEnabled: true }, path)).toEqual(NOTHING);
  });

  it('the system’s libraries can be read and mapped, and neither written nor executed', () => {
    const profile = sbplProfile(seatbeltProfile(DEFAULT_BOX, SHIM));
    for (const path of ['/usr/lib/dyld', '/System/Library/Frameworks/Hypervisor.framework/Hypervisor']) {
      expect(accessUnder(profile, path)).toEqual({ ...NOTHING, read: true, map: true });
    }
  });

  it('and are hidden where a mask names them', () => {
    const masked: ProfileContext = { paths: [], maskedPaths: ['/usr/lib/secret/'], networkEnabled: false };
    expect(accessOf(masked, '/usr/lib/secret/x')).toEqual(NOTHING);
    expect(accessOf(masked, '/usr/lib/dyld')).toMatchObject({ read: true, map: true });
  });

  it('other processes cannot be listed, looked at, signalled or debugged, and their services not be called', () => {
    for (const networkEnabled of [false, true]) {
      const profile = sbplProfile(seatbeltProfile({ ...DEFAULT_BOX, networkEnabled }, SHIM));
      const refused: readonly Question[] = [
        { operation: 'process-info-pidinfo', target: 'others' },
        { operation: 'process-info-listpids', target: 'others' },
        { operation: 'signal', target: 'others' },
        { operation: 'mach-priv-task-port', target: 'others' },
        { operation: 'mach-lookup', name: 'com.apple.coreservices.launchservicesd' },
        { operation: 'mach-lookup', name: 'com.apple.pasteboard.1' },
        { operation: 'mach-register', name: 'com.apple.fake' },
        { operation: 'sysctl-read', name: 'kern.procargs2' },
        { operation: 'sysctl-read', name: 'kern.proc.all' },
        { operation: 'sysctl-write', name: 'kern.hostname' },
        { operation: 'iokit-open', name: 'IOHIDLibUserClient' },
        { operation: 'iokit-get-properties', name: 'IOPlatformSerialNumber' },
        { operation: 'ipc-posix-shm-read-data', name: 'apple.shm.notification_center' },
        { operation: 'nvram-get' },
        { operation: 'nvram-set' },
      ];
      for (const question of refused) {
        for (const semantics of ['last', 'nearest'] as const) {
          expect(profile.allows(question, semantics), JSON.stringify(question)).toBe(false);
        }
      }
    }
  });

  it('what it may ask of the machine: its processor, its memory, its own process, the hypervisor', () => {
    const profile = sbplProfile(seatbeltProfile(DEFAULT_BOX, SHIM));
    const permitted: readonly Question[] = [
      { operation: 'sysctl-read', name: 'hw.ncpu' },
      { operation: 'sysctl-read', name: 'kern.osrelease' },
      { operation: 'sysctl-read', name: 'kern.hv_support' },
      { operation: 'process-fork' },
      { operation: 'process-info-pidinfo', target: 'self' },
      { operation: 'signal', target: 'self' },
      { operation: 'signal', target: 'children' },
      { operation: 'iokit-open', name: 'AppleHVClient' },
      { operation: 'system-socket', socketDomain: 'AF_UNIX' },
    ];
    for (const question of permitted) expect(profile.allows(question), JSON.stringify(question)).toBe(true);
  });

  it('null, zero, random and urandom can be used, and not be removed or given away', () => {
    const profile = sbplProfile(seatbeltProfile(DEFAULT_BOX, SHIM));
    for (const path of ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom']) {
      for (const operation of ['file-read-data', 'file-write-data', 'file-ioctl']) {
        expect(profile.allows({ operation, path }), `${operation} ${path}`).toBe(true);
      }
      for (const operation of ['file-write-unlink', 'file-write-mode', 'file-write-owner', 'file-link']) {
        expect(profile.allows({ operation, path }), `${operation} ${path}`).toBe(false);
      }
    }
  });

  it('a device that was asked for can be used too, unless a mask names it', () => {
    const asked: ProfileContext = { paths: [], devices: ['/dev/bpf0'], networkEnabled: false };
    expect(accessOf(asked, '/dev/bpf0')).toEqual({ ...NOTHING, read: true, write: true });
    expect(accessOf({ ...asked, maskedPaths: ['/dev/bpf0'] }, '/dev/bpf0')).toEqual(NOTHING);
  });
});

describe('the network under seatbelt', () => {
  const ip = (host: string, port: number): SocketEnd => ({ kind: 'ip', protocol: 'tcp', host, port });
  const own = ip('10.0.0.2', 50_000);
  const questions: readonly (readonly [string, Question])[] = [
    ['a server on the internet', { operation: 'network-outbound', remote: ip('192.0.2.1', 443), local: own }],
    ['a metadata address', { operation: 'network-outbound', remote: ip('169.254.169.254', 80), local: own }],
    ['a port of the host', { operation: 'network-outbound', remote: ip('127.0.0.1', 22), local: own }],
    ['a port of its own', { operation: 'network-bind', local: ip('127.0.0.1', 8080) }],
    ['those who dial it', { operation: 'network-inbound', local: ip('0.0.0.0', 8080), remote: own }],
    [
      'the resolver',
      { operation: 'network-outbound', remote: { kind: 'unix', path: '/private/var/run/mDNSResponder' } },
    ],
    ['a raw socket', { operation: 'system-socket', socketDomain: 'AF_ROUTE' }],
    ['its certificates', { operation: 'mach-lookup', name: 'com.apple.trustd.agent' }],
  ];

  it.each(questions)('is not there unless it is asked for, and then it is: %s', (_, question) => {
    for (const networkEnabled of [false, true]) {
      const profile = sbplProfile(seatbeltProfile({ ...DEFAULT_BOX, networkEnabled }, SHIM));
      for (const semantics of ['last', 'nearest'] as const) {
        expect(profile.allows(question, semantics)).toBe(networkEnabled);
      }
    }
  });

  it('leaves the box its own unix sockets, on or off, and opens no other', () => {
    for (const networkEnabled of [false, true]) {
      const context = { ...DEFAULT_BOX, networkEnabled };
      expect(accessOf(context, `${BOX}/sockets/net.sock`)).toEqual(READ_WRITE);
      for (const path of ['/private/var/run/docker.sock', `${OTHER_BOX}/sockets/box.sock`, `${BOX}/control/api.sock`]) {
        expect(accessOf(context, path)).toEqual(NOTHING);
      }
    }
  });

  it('does not lead around a mask: a hidden resolver stays hidden', () => {
    const context = { ...DEFAULT_BOX, networkEnabled: true, maskedPaths: ['/var/run/'] };
    expect(accessOf(context, '/private/var/run/mDNSResponder')).toEqual(NOTHING);
  });
});

describe('volumes under seatbelt', () => {
  it.each([
    ['a writable volume', '/Users/ann/work/a', READ_WRITE],
    ['a read-only directory in it', '/Users/ann/work/vendor/x', READ_ONLY],
    ['a writable directory in that', '/Users/ann/work/vendor/cache/x', READ_WRITE],
    ['a read-only volume', '/Volumes/data/models/m', READ_ONLY],
    ['the neighbour of a volume', '/Volumes/data/other', NOTHING],
    ['a neighbour of a longer name', '/Users/ann/workshop', NOTHING],
    ['a volume named by a link of the root, as the kernel names it', '/private/tmp/scratch/x', READ_WRITE],
    ['the same as it was named', '/tmp/scratch/x', READ_WRITE],
  ])('%s', (_, path, access) => {
    expect(accessOf(NESTED_VOLUMES, path)).toEqual(access);
  });

  it.each([
    ['the BoxLite home', `${HOME}/db/boxlite.db`, NOTHING],
    ['ca/ of the box', `${BOX}/ca/key.pem`, NOTHING],
    ['a masked directory', '/Users/ann/.ssh/id_rsa', NOTHING],
    ['a masked file', '/Users/ann/.netrc', NOTHING],
    ['a masked directory, the mask given by the other name of /var', '/private/var/log/secret/x', NOTHING],
    ['the same by the other name', '/var/log/secret/x', NOTHING],
    ['what the box needs below a mask', `${BOX}/sockets/box.sock`, READ_WRITE],
    ['the shim below a mask', SHIM, READ_ONLY],
    ['the rest of the volume', '/Users/ann/Documents/letter', READ_WRITE],
  ])('around what must stay hidden: %s', (_, path, access) => {
    expect(accessOf(MASKS_IN_VOLUMES, path)).toEqual(access);
  });

  it('no mask is dodged by renaming, removing or replacing what leads to it', () => {
    const profile = sbplProfile(
      seatbeltProfile(
        { paths: [{ path: '/w', writable: true }], maskedPaths: ['/w/a/b/secret/'], networkEnabled: false },
        '/usr/bin/true',
      ),
    );
    for (const path of ['/w', '/w/a', '/w/a/b', '/w/a/b/secret', '/w/a/b/secret/key']) {
      for (const operation of ['file-write-unlink', 'file-write-create']) {
        for (const semantics of ['last', 'nearest'] as const) {
          expect(profile.allows({ operation, path }, semantics), `${operation} ${path}`).toBe(false);
        }
      }
    }
    for (const path of ['/w/x', '/w/a/x', '/w/a/b/x']) {
      expect(profile.allows({ operation: 'file-write-unlink', path }), path).toBe(true);
    }
  });

  it('no file gets a second name or the bits that lend its owner’s rights', () => {
    const profile = sbplProfile(seatbeltProfile(NESTED_VOLUMES, SHIM));
    for (const path of ['/Users/ann/work/a', '/Users/ann/work/vendor/x', '/Users/ann/.ssh/id_rsa', SHIM]) {
      for (const operation of ['file-link', 'file-clone', 'file-write-setugid']) {
        for (const semantics of ['last', 'nearest'] as const) {
          expect(profile.allows({ operation, path }, semantics), `${operation} ${path}`).toBe(false);
        }
      }
    }
  });

  it('the whole host is not granted, whatever name it is given', () => {
    for (const path of ['/', '/System', '/System/Volumes', '/System/Volumes/Data']) {
      const context: ProfileContext = { paths: [{ path, writable: true }], networkEnabled: false };
      expect(accessOf(context, '/Users/bob/.ssh/id_rsa'), path).toEqual(NOTHING);
      expect(accessOf(context, '/System/Volumes/Data/Users/bob/.ssh/id_rsa'), path).toEqual(NOTHING);
    }
  });

  it('names in either Unicode form are one place: a grant and a mask hold for both', () => {
    const context: ProfileContext = {
      paths: [{ path: '/Users/ann/caf\u00e9', writable: true }],
      maskedPaths: ['/Users/ann/cafe\u0301/secre\u0301t/'],
      networkEnabled: false,
    };
    for (const form of ['NFC', 'NFD'] as const) {
      expect(accessOf(context, '/Users/ann/caf\u00e9/x'.normalize(form))).toEqual(READ_WRITE);
      expect(accessOf(context, '/Users/ann/caf\u00e9/secr\u00e9t/x'.normalize(form))).toEqual(NOTHING);
    }
  });
});

describe('a path of which nothing may be executed', () => {
  const data = (path: string) => ({ path, writable: false, executable: false as const });
  const NOT_RUN: FileAccess = { ...NOTHING, read: true };

  it('is read, and neither executed nor mapped as code, nor written', () => {
    const context: ProfileContext = {
      paths: [data('/srv/data'), { path: '/srv', writable: true }],
      networkEnabled: false,
    };
    expect(accessOf(context, '/srv/data/tool')).toEqual(NOT_RUN);
    const inProgram: ProfileContext = {
      paths: [{ path: '/opt', writable: false }, data('/opt/data')],
      networkEnabled: false,
    };
    expect(accessOf(inProgram, '/opt/data/tool')).toEqual(NOT_RUN);
    expect(accessOf(inProgram, '/opt/tool')).toEqual(READ_ONLY);
  });

  it('is not opened by the command’s own program being there', () => {
    const profile = sbplProfile(seatbeltProfile({ paths: [data('/srv')], networkEnabled: false }, '/srv/tool'));
    expect(accessUnder(profile, '/srv/tool')).toEqual(NOT_RUN);
  });
});

describe('the program of a command', () => {
  const work: ProfileContext = { paths: [{ path: '/w', writable: true }], networkEnabled: false };
  const under = (context: ProfileContext, binary: string) => sbplProfile(seatbeltProfile(context, binary));

  it('can be executed though nothing grants it, and its neighbours cannot', () => {
    const profile = under(work, '/opt/tool/bin/tool');
    expect(accessUnder(profile, '/opt/tool/bin/tool')).toEqual(READ_ONLY);
    expect(accessUnder(profile, '/opt/tool/bin/other')).toEqual(NOTHING);
  });

  it('cannot change itself where it lies in a writable place, nor be put aside', () => {
    const profile = under(work, '/w/bin/tool');
    expect(accessUnder(profile, '/w/bin/tool')).toEqual(READ_ONLY);
    for (const path of ['/w/bin/tool', '/w/bin', '/w']) {
      expect(profile.allows({ operation: 'file-write-unlink', path }), path).toBe(false);
    }
    expect(accessUnder(profile, '/w/bin/other')).toEqual(READ_WRITE);
  });

  it('is not shown where a mask hides it', () => {
    const profile = under({ ...work, maskedPaths: ['/w/bin/'] }, '/w/bin/tool');
    expect(accessUnder(profile, '/w/bin/tool')).toEqual(NOTHING);
  });

  it('is nothing but a name where it is not absolute', () => {
    expect(under(work, 'tool').allows({ operation: 'process-exec', path: 'tool' })).toBe(false);
  });
});
