/**
 * What the host is to do, as a shell script that the host's first process reads: where the checkout goes, who runs, and the command.
 * @param {{ command: string, checkout: string, user: { name: string, uid: number }, env?: Record<string, string> }} job `command` is a bash script
 * @returns {string}
 */
export function jobScript({ command, checkout, user, env = {} }) {
  const home = user.uid === 0 ? '/root' : `/home/${user.name}`;
  const environment = {
    HOME: home,
    USER: user.name,
    LOGNAME: user.name,
    LANG: 'C.UTF-8',
    ...(user.uid === 0 ? {} : { XDG_RUNTIME_DIR: `/run/user/${user.uid}` }),
    ...env,
  };
  const script = [
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `cd ${quoted(checkout)} || exit 126`,
    command,
    '',
  ].join('\n');
  return [
    `CHECKOUT=${quoted(checkout)}`,
    `JOB_USER=${quoted(user.name)}`,
    `JOB_UID=${user.uid}`,
    `JOB_PRIVILEGES='--reuid=${user.uid} --regid=${user.uid} --init-groups'`,
    `printf %s ${quoted(script)} > /run/kvm-host/command`,
    '',
  ].join('\n');
}

/** One word for a POSIX shell. */
export function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
