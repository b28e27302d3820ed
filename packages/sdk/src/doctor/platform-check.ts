import type { Check } from './check.js';

/** What this process runs on. */
export interface PlatformFacts {
  readonly platform: string;
  readonly architecture: string;
  readonly node: string;
  /** Undefined where the system has none. */
  readonly uid: number | undefined;
}

/** Facts: `platform`, `architecture`, `node`, `uid`. */
export function platformCheck(facts: PlatformFacts): Check {
  const { platform, architecture, node, uid } = facts;
  const who = uid === 0 ? 'root' : `user ${uid ?? 'unknown'}`;
  const detail = `${platform} ${architecture}, Node.js ${node}, as ${who}`;
  const common = { id: 'platform', detail, facts: { ...facts } };
  if (platform === 'linux' && (architecture === 'x64' || architecture === 'arm64')) return { ...common, status: 'ok' };
  return { ...common, status: 'failed', remedy: 'use Linux on x86-64 or arm64' };
}
