import type { PluginKind, PluginRegistry, ProbedPlugin } from '@boxlite/core';
import type { Check } from './check.js';

/** In the order in which a start needs them. */
const KINDS: readonly PluginKind[] = ['vmm', 'sandbox', 'kernel-source', 'image-source', 'disk-store', 'state-store'];
/** The SDK has a store of its own, so nobody need register one. */
const OPTIONAL: ReadonlySet<PluginKind> = new Set(['state-store']);

/** Every plugin of every kind. */
export async function pluginChecks(registry: PluginRegistry): Promise<readonly Check[]> {
  const groups = await Promise.all(
    KINDS.map(async (kind) =>
      pluginChecksOfKind(kind, await registry.probeAll(kind), (id) => registry.origin(kind, id)),
    ),
  );
  return groups.flat();
}

/**
 * The plugins of one kind, in the order in which selection tries them. One that is not available is `failed` only when no other of its kind is.
 * Facts: `kind`, `plugin`, `available`, `default` (chosen when nobody chooses), `origin` (the file of a plugin that was loaded).
 */
export function pluginChecksOfKind(
  kind: PluginKind,
  probed: readonly ProbedPlugin[],
  originOf: (id: string) => string | undefined,
): readonly Check[] {
  if (probed.length === 0) return OPTIONAL.has(kind) ? [] : [noneRegistered(kind)];
  const chosen = probed.find(({ result }) => result.available)?.plugin;
  return probed.map(({ plugin, result }) => {
    const { available } = result;
    const facts = { kind, plugin: plugin.id, available, default: plugin === chosen, origin: originOf(plugin.id) };
    const id = `${kind}:${plugin.id}`;
    if (result.available) return { id, status: 'ok', detail: result.detail ?? 'available', facts };
    const status = chosen === undefined ? 'failed' : 'warning';
    return { id, status, detail: result.reason, remedy: result.remedy, facts };
  });
}

function noneRegistered(kind: PluginKind): Check {
  return {
    id: `${kind}:none`,
    status: 'failed',
    detail: `no ${kind} plugin is registered`,
    remedy: `register one, or use the registry of defaultRegistry()`,
    facts: { kind, available: false },
  };
}
