import type { Check } from './check.js';
import type { UserNamespaceFacts } from './user-namespace-facts.js';

/** Until the next boot with sysctl; for good with a file of `/etc/sysctl.d`. */
function setSysctl(name: string, value: number): string {
  return `run "sudo sysctl -w ${name}=${value}"; for good: "echo ${name}=${value} | sudo tee /etc/sysctl.d/60-boxlite.conf"`;
}

/**
 * Whether a jail can be built by bubblewrap without root. Never `failed`: whether a sandbox is available, its own check says.
 * Facts: those given.
 */
export function userNamespaceCheck(facts: UserNamespaceFacts): Check {
  const common = { id: 'user-namespaces', facts: { ...facts } };
  const { attempt } = facts;
  if (attempt?.worked === true) return { ...common, status: 'ok', detail: `${attempt.program} made one` };
  const cause = causeOf(facts);
  if (cause !== undefined) return { ...common, status: 'warning', ...cause };
  if (attempt === undefined) {
    const detail = 'not tried: neither unshare nor bwrap is in PATH; no setting forbids them';
    return { ...common, status: 'warning', detail, remedy: 'install util-linux or bubblewrap' };
  }
  return {
    ...common,
    status: 'warning',
    detail: `${attempt.program} could not make one: ${attempt.said || 'it said nothing'}`,
    remedy:
      'in a container, allow the system calls unshare and clone (Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)',
  };
}

function causeOf(facts: UserNamespaceFacts): { readonly detail: string; readonly remedy: string } | undefined {
  if (facts.maxUserNamespaces === 0) {
    return {
      detail: 'none may be made here (user.max_user_namespaces is 0)',
      remedy: setSysctl('user.max_user_namespaces', 15_000),
    };
  }
  if (facts.unprivilegedUsernsClone === 0 && facts.uid !== 0) {
    return {
      detail: 'ordinary users may make none (kernel.unprivileged_userns_clone is 0)',
      remedy: setSysctl('kernel.unprivileged_userns_clone', 1),
    };
  }
  if (facts.apparmorRestriction === 1 && facts.uid !== 0) {
    return { detail: 'AppArmor restricts them: see below', remedy: APPARMOR_REMEDY };
  }
  return undefined;
}

/** The file is root's, so that nobody can exchange the profile before root loads it. */
const APPARMOR_REMEDY =
  'give bubblewrap a profile: "boxlite doctor --apparmor-profile | sudo tee /etc/apparmor.d/boxlite-bwrap", then ' +
  '"sudo apparmor_parser -r /etc/apparmor.d/boxlite-bwrap"; it stays over reboots';

/** Whether AppArmor takes user namespaces away. Facts: `enabled`, `restriction`, `profile`. */
export function apparmorCheck(facts: UserNamespaceFacts): Check {
  const { apparmorEnabled, apparmorRestriction, apparmorProfile, uid, attempt } = facts;
  const common = {
    id: 'apparmor',
    facts: { enabled: apparmorEnabled, restriction: apparmorRestriction, profile: apparmorProfile },
  };
  if (!apparmorEnabled && apparmorRestriction === undefined) {
    return { ...common, status: 'ok', detail: 'not in use on this kernel' };
  }
  if (apparmorRestriction === 1 && uid !== 0) {
    const detail = 'restricts user namespaces of ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)';
    if (attempt?.worked === true) return { ...common, status: 'ok', detail: `${detail}, but ${attempt.program} may` };
    return { ...common, status: 'warning', detail, remedy: APPARMOR_REMEDY };
  }
  const under = apparmorProfile === undefined ? '' : `; this process is confined by ${apparmorProfile}`;
  return { ...common, status: 'ok', detail: `does not restrict user namespaces${under}` };
}
