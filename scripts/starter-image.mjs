#!/usr/bin/env node
// Makes an OCI layout of busybox: the image of a box that names none, so that a first run needs no network.
//
//   node scripts/starter-image.mjs TARGET_DIR
//
// Takes the machine's static busybox ($BOXLITE_BUSYBOX, else /bin/busybox or /usr/bin/busybox). The same busybox gives the same bytes; a second run
// changes nothing. Needs nothing but Node.js. Its parts build the tests' images too (test/support/oci-fixtures.ts).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const BLOCK_BYTES = 512;
/** The `e_machine` of an ELF file, by the names OCI has for architectures. */
const ARCHITECTURE_OF_MACHINE = { 62: 'amd64', 183: 'arm64' };
const PROGRAM_HEADER_INTERPRETER = 3;
const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};
const TYPE_FLAG = { file: '0', hardlink: '1', symlink: '2', directory: '5' };
/** Every time stamp is the epoch, so that the bytes depend on nothing but busybox. */
const CREATED = '1970-01-01T00:00:00Z';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * A POSIX ustar archive of `entries`, in their order. Names are written as they are: tests make hostile ones with it.
 * @throws {RangeError} for names that ustar cannot hold
 */
export function tarArchive(entries) {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
    return [ustarHeader(entry, content.length), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function ustarHeader({ name, type, mode = type === 'directory' ? 0o755 : 0o644, uid = 0, gid = 0, target = '' }, size) {
  const header = Buffer.alloc(BLOCK_BYTES);
  const text = (value, at, bytes) => {
    if (Buffer.byteLength(value) > bytes)
      throw new RangeError(`${JSON.stringify(value)} is longer than ${bytes} bytes`);
    header.write(value, at);
  };
  const octal = (value, at, bytes) => text(value.toString(8).padStart(bytes - 1, '0'), at, bytes - 1);
  text(name, 0, 100);
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.fill(' ', 148, 156);
  text(TYPE_FLAG[type], 156, 1);
  text(target, 157, 100);
  text('ustar', 257, 5);
  text('00', 263, 2);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  octal(checksum, 148, 7);
  header[154] = 0;
  return header;
}

/** The static busybox of this machine. @throws {Error} saying what to install, when there is none */
export function findBusybox() {
  const chosen = process.env.BOXLITE_BUSYBOX;
  const candidates = chosen ? [chosen] : ['/bin/busybox', '/usr/bin/busybox'];
  const problems = [];
  for (const path of candidates) {
    try {
      const binary = readFileSync(path);
      return { path, binary, architecture: architectureOfStaticElf(binary), applets: appletsOf(path) };
    } catch (thrown) {
      problems.push(`${path}: ${thrown.message}`);
    }
  }
  throw new Error(`no static busybox was found; install the package busybox-static\n  ${problems.join('\n  ')}`);
}

function architectureOfStaticElf(binary) {
  if (binary.length < 64 || binary.readUInt32BE(0) !== 0x7f454c46 || binary[4] !== 2 || binary[5] !== 1) {
    throw new Error('not a 64-bit little-endian ELF file');
  }
  const architecture = ARCHITECTURE_OF_MACHINE[binary.readUInt16LE(18)];
  if (architecture === undefined) throw new Error(`made for an unknown machine (${binary.readUInt16LE(18)})`);
  const tableOffset = Number(binary.readBigUInt64LE(32));
  const [entryBytes, entries] = [binary.readUInt16LE(54), binary.readUInt16LE(56)];
  for (let index = 0; index < entries; index++) {
    if (binary.readUInt32LE(tableOffset + index * entryBytes) === PROGRAM_HEADER_INTERPRETER) {
      throw new Error('dynamically linked: it would need libraries that the image does not have');
    }
  }
  return architecture;
}

/** Paths of the applets without a leading slash, such as `bin/ls`, in the directories where they are expected. */
function appletsOf(path) {
  const list = execFileSync(path, ['--list-full'], { encoding: 'utf8' }).split('\n');
  return list.filter((applet) => applet.includes('/') && applet !== 'bin/busybox').sort();
}

/** The files of a busybox system, parents first: busybox, a symbolic link for each applet, accounts, empty directories. */
export function busyboxEntries({ binary, applets }) {
  const directories = ['bin', 'dev', 'etc', 'proc', 'run', 'sbin', 'sys', 'usr', 'usr/bin', 'usr/sbin', 'var'];
  return [
    ...directories.map((name) => ({ name: `${name}/`, type: 'directory' })),
    { name: 'root/', type: 'directory', mode: 0o700 },
    { name: 'tmp/', type: 'directory', mode: 0o1777 },
    {
      name: 'etc/passwd',
      type: 'file',
      content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    },
    { name: 'etc/group', type: 'file', content: 'root:x:0:\nnogroup:x:65534:\n' },
    // What the guest agent mounts over: where they are missing every box has to make them on its disk first.
    ...['etc/hostname', 'etc/hosts', 'etc/resolv.conf'].map((name) => ({ name, type: 'file', content: '' })),
    { name: 'bin/busybox', type: 'file', mode: 0o755, content: binary },
    ...applets.map((name) => ({ name, type: 'symlink', mode: 0o777, target: '/bin/busybox' })),
  ];
}

/**
 * An image in memory: its blobs by the hex of their digests, and its index. Layers are uncompressed tars, the lowest first; `compress`
 * makes their blobs.
 */
export function ociImage({ layers, config, architecture, tag = 'latest', compress = gzipBest }) {
  const blobs = new Map();
  const add = (mediaType, bytes) => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    blobs.set(digest, bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const json = (mediaType, value) => add(mediaType, Buffer.from(JSON.stringify(value)));
  const layerDescriptors = layers.map((tar) => add(MEDIA_TYPE.layer, compress(tar)));
  const diffIds = layers.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const configDescriptor = json(MEDIA_TYPE.config, {
    created: CREATED,
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map(() => ({ created: CREATED, created_by: 'boxlite' })),
  });
  const manifest = json(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: configDescriptor,
    layers: layerDescriptors,
  });
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [
      {
        ...manifest,
        platform: { architecture, os: 'linux' },
        annotations: { 'org.opencontainers.image.ref.name': tag },
      },
    ],
  };
  return { blobs, index, manifestDigest: manifest.digest, layerDescriptors };
}

function gzipBest(tar) {
  return gzipSync(tar, { level: 9 });
}

/**
 * Writes an image as an OCI layout: blobs, then `index.json` in one step, then what was there before is removed. A reader at any moment
 * finds the old image or the new one whole.
 */
export function writeOciLayout(directory, { blobs, index }) {
  const blobDirectory = join(directory, 'blobs', 'sha256');
  mkdirSync(blobDirectory, { recursive: true });
  for (const [digest, bytes] of blobs) writeFileOnce(join(blobDirectory, digest), bytes);
  writeFileOnce(join(directory, 'oci-layout'), Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  writeFileOnce(join(directory, 'index.json'), Buffer.from(JSON.stringify(index)));
  for (const name of readdirSync(blobDirectory)) {
    if (/^[0-9a-f]{64}(\.partial-\d+)?$/.test(name) && !blobs.has(name)) rmSync(join(blobDirectory, name));
  }
}

/** Replaces a file in one step, unless it has these bytes already. */
function writeFileOnce(path, bytes) {
  try {
    if (readFileSync(path).equals(bytes)) return;
  } catch (thrown) {
    if (thrown.code !== 'ENOENT') throw thrown;
  }
  const partial = `${path}.partial-${process.pid}`;
  writeFileSync(partial, bytes);
  renameSync(partial, path);
}

/** Builds the starter image in `directory`. @returns its manifest's digest */
export function buildStarterImage(directory) {
  const busybox = findBusybox();
  const image = ociImage({
    layers: [tarArchive(busyboxEntries(busybox))],
    architecture: busybox.architecture,
    config: {
      Env: [`PATH=${PATH}`],
      Cmd: ['sh'],
      WorkingDir: '/',
      Labels: { 'org.opencontainers.image.title': 'busybox', 'org.opencontainers.image.licenses': 'GPL-2.0-only' },
    },
  });
  writeOciLayout(directory, image);
  return image.manifestDigest;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [target, ...rest] = process.argv.slice(2);
  if (target === undefined || rest.length > 0) {
    process.stderr.write('usage: node scripts/starter-image.mjs TARGET_DIR\n');
    process.exitCode = 2;
  } else {
    try {
      process.stdout.write(`${buildStarterImage(resolve(target))}\n`);
    } catch (thrown) {
      process.stderr.write(`the starter image could not be made: ${thrown.message}\n`);
      process.exitCode = 1;
    }
  }
}
