import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Unpacks Debian packages for arm64 into a directory, unless it is there. They are fetched with apt (so its signatures are checked) through lists of
 * our own: no root, nothing installed, and the machine's own apt stays without a second architecture.
 * @param {string} directory where their files go; appears only when complete
 * @param {string[]} packages names; `>name`: the one that the metapackage `name` depends on
 * @param {(staged: string) => void} [finish] last work before the directory appears
 * @returns {string | undefined} what went wrong
 */
export function unpackArm64Packages(directory, packages, finish = () => undefined) {
  if (existsSync(directory)) return undefined;
  const staged = `${directory}.${process.pid}`;
  try {
    mkdirSync(join(staged, 'apt/lists/partial'), { recursive: true });
    const options = [
      ...['-o', 'APT::Architecture=arm64', '-o', 'APT::Architectures=arm64', '-o', 'Acquire::Languages=none'],
      ...['-o', `Dir::State=${staged}/apt`, '-o', `Dir::Cache=${staged}/apt`, '-o', 'Dir::State::status=/dev/null'],
      // Without it apt would download as a user that may not enter this directory, and warn.
      ...['-o', 'APT::Sandbox::User=root', '-q'],
    ];
    run(staged, 'apt-get', [...options, 'update']);
    const names = packages.map((name) => {
      if (!name.startsWith('>')) return name;
      const about = run(staged, 'apt-cache', [...options, 'show', '--no-all-versions', name.slice(1)]);
      return /^Depends: (\S+)/m.exec(about)?.[1] ?? name;
    });
    run(staged, 'apt-get', [...options, 'download', ...names]);
    for (const archive of readdirSync(staged).filter((name) => name.endsWith('.deb'))) {
      run(staged, 'dpkg-deb', ['-x', archive, '.']);
      rmSync(join(staged, archive));
    }
    rmSync(join(staged, 'apt'), { recursive: true });
    finish(staged);
    // Another process may have been quicker.
    if (!existsSync(directory)) renameSync(staged, directory);
    return undefined;
  } catch (thrown) {
    return thrown.message;
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

function run(cwd, program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.at(-1)} failed: ${error?.message ?? stderr}`);
  return stdout;
}
