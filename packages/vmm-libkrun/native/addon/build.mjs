// Builds native/build/krun.node with node-gyp. Run by `npm run build:native`; never at installation.
//   node build.mjs [arm64]    for this machine, or for arm64 to native/build-arm64/, with Debian's cross compilers
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const here = import.meta.dirname;
const [architecture = process.arch] = process.argv.slice(2);
const isCrossBuild = architecture !== process.arch;
const output = join(here, isCrossBuild ? `../build-${architecture}` : '../build');
// node-gyp builds beside binding.gyp. Done in a copy, so that the sources stay clean and a second build is quick.
const workshop = join(output, 'addon');
const sources = readdirSync(here).filter((name) => /\.(cc|h|gyp)$/.test(name));

mkdirSync(workshop, { recursive: true });
for (const name of readdirSync(workshop)) {
  if (/\.(cc|h)$/.test(name) && !sources.includes(name)) rmSync(join(workshop, name));
}
for (const name of sources) cpSync(join(here, name), join(workshop, name), { preserveTimestamps: true });

// Headers that lie next to the running node need no download.
const prefix = dirname(dirname(process.execPath));
const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
const compilers = { CC: 'aarch64-linux-gnu-gcc', CXX: 'aarch64-linux-gnu-g++', AR: 'aarch64-linux-gnu-ar' };
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
for (const command of ['configure', 'build']) {
  const { status, error } = spawnSync(
    process.execPath,
    [nodeGyp, command, '--release', '--loglevel=warn', `--arch=${architecture}`, ...headers],
    {
      cwd: workshop,
      stdio: ['ignore', process.stderr, process.stderr],
      env: { ...process.env, ...(isCrossBuild ? compilers : {}) },
    },
  );
  if (status !== 0) {
    process.stderr.write(`node-gyp ${command} failed${error === undefined ? '' : `: ${error.message}`}\n`);
    process.exit(1);
  }
}
// Renamed into place: a process that has the old one loaded keeps it.
copyFileSync(join(workshop, 'build/Release/krun.node'), join(output, 'krun.node.new'));
renameSync(join(output, 'krun.node.new'), join(output, 'krun.node'));
