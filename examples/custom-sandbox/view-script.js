import { dirname } from 'node:path';

/** Descriptors of the supervisor's protocol; 5, 6 and 8 are those of the jailer's own helpers, which run inside. */
export const INFO_FD = 3;
export const RELEASE_FD = 4;
export const SCRIPT_FD = 7;

export const TOOLS = {
  ...{ unshare: '/usr/bin/unshare', mount: '/usr/bin/mount', setpriv: '/usr/bin/setpriv', sh: '/bin/sh' },
  ...{ env: '/usr/bin/env', mkdir: '/usr/bin/mkdir', touch: '/usr/bin/touch', ln: '/usr/bin/ln' },
};
/** First namespaces, in which this user is root and may mount. */
export const NAMESPACES = ['--user', '--map-root-user', '--mount', '--pid', '--ipc', '--uts', '--cgroup'];
/** Where the view is built, unseen by the host: a directory every Linux has and no VMM is granted. */
export const VIEW = '/sys';

const NOBODY = { uid: 65534, gid: 65534 };
const DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];
const TMP_OPTIONS = 'size=64m,mode=0700';

/**
 * The shell script that becomes the command: it builds the view, says which process of the host it is, waits to be released, and runs the command
 * in a second user namespace with the view as its root. There it has no capability over anything, the mounts of the view included, and a
 * process without the capability for it leaves no chroot. A pure function.
 * @param {import('@boxlite/core').SandboxContext} context
 * @param {import('@boxlite/core').JailCommand} command
 */
export function viewScript(context, command) {
  const { uid, gid } = context.runAs ?? NOBODY;
  const variables = Object.entries(command.env).map(([name, value]) => quote(`${name}=${value}`));
  const identity = ['--user', `--map-user=${uid}`, `--map-group=${gid}`, `--root=${VIEW}`, '--wd=/'];
  const inside = [
    'set -e',
    // procfs of the host: the number this very shell has there.
    'read -r pid rest < /proc/self/stat',
    ...view(context),
    `printf '{"child-pid": %s}\\n' "$pid" >&${INFO_FD}`,
    `exec ${INFO_FD}>&- ${SCRIPT_FD}<&-`,
    `read -r released <&${RELEASE_FD} || true`,
    `exec ${RELEASE_FD}<&-`,
    [
      `exec ${TOOLS.env} -i`,
      ...variables,
      TOOLS.setpriv,
      '--pdeathsig KILL --no-new-privs --',
      TOOLS.unshare,
      ...identity,
    ]
      .concat('--', [command.binary, ...command.args].map(quote))
      .join(' '),
  ];
  // The first child of this shell is the first process of the new pid namespace, and everything in it ends with that one. A shell gives a child
  // it does not wait for /dev/null as stdin, hence descriptor 9.
  return [
    'exec 9<&0',
    '{',
    ...inside,
    '} <&9 9<&- &',
    `exec ${INFO_FD}>&- ${RELEASE_FD}<&- ${SCRIPT_FD}<&-`,
    'wait $!',
    'exit $?',
    '',
  ].join('\n');
}

function view({ paths, maskedPaths = [], symlinks = [], devices = [] }) {
  const nodes = [...DEVICES, ...devices].map((path) => ({ path, writable: true }));
  const masks = maskedPaths.map((path) => ({ path: path.replace(/\/$/, ''), isDirectory: path.endsWith('/') }));
  // By path: what lies deeper comes later and decides. A mask comes after a grant of the same path.
  const rules = [...paths, ...nodes, ...masks].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const seals = rules.filter(({ isDirectory }) => isDirectory).map(({ path }) => ifExists(path, readOnly(path)));
  return [
    mount('-t tmpfs -o mode=0755 tmpfs', ''),
    `${TOOLS.mkdir} ${VIEW}/tmp`,
    mount(`-t tmpfs -o ${TMP_OPTIONS} tmpfs`, '/tmp'),
    ...symlinks.flatMap(({ path, target }) => [
      `${TOOLS.mkdir} -p ${inView(dirname(path))}`,
      `${TOOLS.ln} -s ${quote(target)} ${inView(path)}`,
    ]),
    ...rules.flatMap((rule) => ('isDirectory' in rule ? hidden(rule) : granted(rule))),
    ...seals,
    readOnly(''),
  ];
}

function granted({ path, writable }) {
  if (path === '/proc') return [`${TOOLS.mkdir} -p ${inView(path)}`, mount('-t proc proc', path)];
  return [
    `if [ -e ${quote(path)} ]; then`,
    `  if [ -d ${quote(path)} ]; then ${TOOLS.mkdir} -p ${inView(path)}; else`,
    `    ${TOOLS.mkdir} -p ${inView(dirname(path))}; [ -e ${inView(path)} ] || ${TOOLS.touch} ${inView(path)}; fi`,
    `  ${mount(`--bind ${quote(path)}`, path)}`,
    ...(writable ? [] : [`  ${readOnly(path)}`]),
    'fi',
  ];
}

function hidden({ path, isDirectory }) {
  if (!isDirectory) return [`[ ! -e ${inView(path)} ] || ${mount('--bind /dev/null', path)}`];
  return [ifExists(path, `${TOOLS.mkdir} -p ${inView(path)}; ${mount('-t tmpfs -o mode=0755 tmpfs', path)}`)];
}

const ifExists = (path, commands) => `if [ -e ${quote(path)} ]; then ${commands}; fi`;

const mount = (what, path) => `${TOOLS.mount} -n ${what} ${inView(path)}`;
const readOnly = (path) => mount('-o remount,bind,ro', path);
const inView = (path) => quote(`${VIEW}${path}`);
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
