import { type Plugin, type PluginKind, type ProbeResult, SPECIFICATION_VERSION } from '@boxlite/core';

/** What is known of a plugin before its package is loaded. */
export interface LazyPluginOptions<Kind extends PluginKind, Implementation, Context> {
  readonly kind: Kind;
  readonly id: string;
  readonly priority?: number;
  /** Imports the package; called by the first probe. */
  load(): Promise<{ probe(): Promise<ProbeResult>; create(context: Context): Implementation }>;
}

/** A plugin whose package is imported when it is probed: a registry of everything costs nothing until something is chosen. */
export function lazyPlugin<Kind extends PluginKind, Implementation, Context>(
  options: LazyPluginOptions<Kind, Implementation, Context>,
): Plugin<Kind, Implementation, Context> {
  let loaded: Awaited<ReturnType<typeof options.load>> | undefined;
  return {
    kind: options.kind,
    id: options.id,
    specificationVersion: SPECIFICATION_VERSION,
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    async probe() {
      loaded ??= await options.load();
      return loaded.probe();
    },
    create(context) {
      // The contract calls create only after a successful probe.
      if (loaded === undefined)
        throw new TypeError(`${options.kind} plugin "${options.id}" was created before its probe`);
      return loaded.create(context);
    },
  };
}
