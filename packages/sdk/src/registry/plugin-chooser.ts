import { BoxliteError, type Plugin, type PluginKind, type PluginRegistry } from '@boxlite/core';
import type { PluginContext } from './plugin-context.js';

/** Chooses plugins and creates each once. */
export interface PluginChooser {
  /** @throws BoxliteError `plugin_unknown`, `plugin_none_available`; the next call tries again */
  choose<Implementation>(kind: PluginKind, id?: string): Promise<Implementation>;
  /** The named plugin without its probe, for what runs already; undefined when none has this id. */
  toAttach<Implementation>(kind: PluginKind, id: string): Promise<Implementation | undefined>;
}

export function pluginChooser(registry: PluginRegistry, context: PluginContext): PluginChooser {
  const created = new Map<Plugin, unknown>();
  const choices = new Map<string, Promise<Plugin>>();
  const create = <Implementation>(plugin: Plugin): Implementation => {
    if (!created.has(plugin)) created.set(plugin, plugin.create(context));
    return created.get(plugin) as Implementation;
  };
  return {
    async choose<Implementation>(kind: PluginKind, id?: string) {
      const key = `${kind}:${id ?? ''}`;
      let choice = choices.get(key);
      if (choice === undefined) {
        choice = registry.select(kind, id);
        choice.catch(() => choices.delete(key)); // The caller gets the error.
        choices.set(key, choice);
      }
      return create<Implementation>(await choice);
    },
    async toAttach<Implementation>(kind: PluginKind, id: string) {
      try {
        return create<Implementation>(await registry.unprobed(kind, id));
      } catch (thrown) {
        if (BoxliteError.isInstance(thrown, 'plugin_unknown')) return undefined;
        throw thrown;
      }
    },
  };
}
