import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The pnpm of `packageManager` in package.json, kept in `.cache/tools` so that nothing global changes. */
function pinnedVersion(root) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return packageManager.split('@')[1];
}

function installedVersion(toolDir) {
  const manifest = join(toolDir, 'node_modules/pnpm/package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
}

/** @returns {string | undefined} the directory of the `pnpm` command, undefined after saying what went wrong */
export function ensurePnpm(root, say) {
  const version = pinnedVersion(root);
  const toolDir = join(root, '.cache/tools');
  if (installedVersion(toolDir) !== version) {
    say(`Installing pnpm ${version} into .cache/tools`);
    mkdirSync(toolDir, { recursive: true });
    const run = spawnSync(
      'npm',
      ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', toolDir, `pnpm@${version}`],
      { encoding: 'utf8', cwd: toolDir },
    );
    if (run.status !== 0) {
      say(`npm could not install pnpm@${version}:\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
      return undefined;
    }
  }
  return join(toolDir, 'node_modules/.bin');
}

/** Everything that decides what `pnpm install` makes. */
function manifestHash(root) {
  const hash = createHash('sha256').update(process.version);
  const list = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '*package.json', 'pnpm-*.yaml'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = list.status === 0 ? list.stdout.split('\n').filter(Boolean).sort() : ['pnpm-lock.yaml'];
  for (const file of files) if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** node-gyp needs Node's headers; next to the running node they need no download. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {};
}

/** Runs `pnpm install` when a manifest or the lock file has changed since the last time. */
export function ensureNpmPackages(root, pnpmDir, say) {
  const stamp = join(root, '.cache/setup/npm-packages');
  const hash = manifestHash(root);
  const complete = existsSync(join(root, 'node_modules/.modules.yaml'));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return true;
  say('Installing npm packages as pnpm-lock.yaml pins them (better-sqlite3 is compiled: about a minute)');
  const run = spawnSync(join(pnpmDir, 'pnpm'), ['install', '--frozen-lockfile', '--reporter=append-only'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true', ...nodeHeaders() },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status !== 0) {
    say(`pnpm install failed:\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
    return false;
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return true;
}
