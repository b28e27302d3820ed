import { type Plugin, type PluginKind, type ProbeResult, SPECIFICATION_VERSIONS } from '../contracts/plugin.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { adaptPlugin } from './adapt-plugin.js';

const KINDS: readonly string[] = Object.keys(SPECIFICATION_VERSIONS);
const PLUGIN_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** A candidate and what its probe said. */
export interface ProbedPlugin {
  readonly plugin: Plugin;
  readonly result: ProbeResult;
}

/**
 * Holds plugins and chooses among them: the explicitly named one, else the first available by priority, then by registration order,
 * of those that may be chosen without their name. Each probe runs at most once for the life of the registry.
 */
export class PluginRegistry {
  readonly #plugins: Plugin[] = [];
  readonly #origins = new Map<Plugin, string>();
  readonly #probes = new Map<Plugin, Promise<ProbeResult>>();

  /**
   * Adds a plugin; one made for an older version of its contract is put behind an adapter.
   * @param origin the file it was loaded from, for a plugin that is not part of the program; see {@link origin}
   * @throws BoxliteError `plugin_invalid` (kind, id or a member is wrong), `plugin_version` (made for a version of the contract that is not
   * supported), `plugin_duplicate` (kind and id are taken)
   */
  register(plugin: Plugin, origin?: string): this {
    const { kind, id } = plugin;
    if (!KINDS.includes(kind)) {
      throw invalid('kind', `plugin kind ${JSON.stringify(kind)} is unknown`, `one of ${KINDS.join(', ')}`);
    }
    if (typeof id !== 'string' || !PLUGIN_ID.test(id)) {
      throw invalid(
        'id',
        `${kind} plugin id ${JSON.stringify(id)} is malformed`,
        'lower-case letters, digits and dashes',
      );
    }
    for (const member of ['probe', 'create'] as const) {
      if (typeof plugin[member] !== 'function') {
        throw invalid(member, `${kind} plugin "${id}" has no ${member}()`, `${member} must be a function`);
      }
    }
    const adapted = adaptPlugin(plugin);
    if (this.#plugins.some((other) => other.kind === kind && other.id === id)) {
      throw new BoxliteError('plugin_duplicate', `a ${kind} plugin "${id}" is registered already`, {
        hint: 'register each plugin once, or give it an id of its own',
        details: { kind, id },
      });
    }
    this.#plugins.push(adapted);
    if (origin !== undefined) this.#origins.set(adapted, origin);
    return this;
  }

  /** Plugins of a kind, in the order in which selection tries them. */
  list(kind: PluginKind): readonly Plugin[] {
    return this.#plugins.filter((plugin) => plugin.kind === kind).sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  }

  /** Where a plugin was loaded from, if whoever registered it said so; undefined also for an unknown one. */
  origin(kind: PluginKind, id: string): string | undefined {
    const named = this.#plugins.find((plugin) => plugin.kind === kind && plugin.id === id);
    return named === undefined ? undefined : this.#origins.get(named);
  }

  /** Every candidate of a kind with its probe's result; for `doctor`. */
  async probeAll(kind: PluginKind): Promise<readonly ProbedPlugin[]> {
    return Promise.all(this.list(kind).map(async (plugin) => ({ plugin, result: await this.#probe(plugin) })));
  }

  /**
   * @param kind what is needed
   * @param id the user's explicit choice; then no other is considered
   * @throws BoxliteError `plugin_unknown` when nothing is registered under `id`; `plugin_none_available` listing every
   * candidate with its reason and remedy
   */
  async select(kind: PluginKind, id?: string): Promise<Plugin> {
    const candidates = this.list(kind);
    if (id !== undefined) {
      const chosen = this.#named(kind, id);
      const result = await this.#probe(chosen);
      if (result.available) return chosen;
      throw noneAvailable(kind, [{ plugin: chosen, result }]);
    }
    const failed: ProbedPlugin[] = [];
    for (const plugin of candidates.filter(({ byNameOnly }) => byNameOnly === undefined)) {
      const result = await this.#probe(plugin);
      if (result.available) return plugin;
      failed.push({ plugin, result });
    }
    throw noneAvailable(kind, failed);
  }

  /**
   * The named plugin, loaded and not probed: for what was made with it earlier and is only attached to, which works whatever has become of
   * the machine since.
   * @throws BoxliteError `plugin_unknown`
   */
  async unprobed(kind: PluginKind, id: string): Promise<Plugin> {
    const chosen = this.#named(kind, id);
    await chosen.load?.();
    return chosen;
  }

  #named(kind: PluginKind, id: string): Plugin {
    const candidates = this.list(kind);
    const chosen = candidates.find((plugin) => plugin.id === id);
    if (chosen !== undefined) return chosen;
    throw new BoxliteError('plugin_unknown', `there is no ${kind} plugin ${JSON.stringify(id)}`, {
      hint: `registered: ${candidates.map((plugin) => plugin.id).join(', ') || 'none'}`,
      details: { kind, id, field: kind },
    });
  }

  #probe(plugin: Plugin): Promise<ProbeResult> {
    const running = this.#probes.get(plugin);
    if (running !== undefined) return running;
    const started = plugin.probe().catch(
      (thrown: unknown): ProbeResult => ({
        available: false,
        reason: `its probe failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
        remedy: 'report this to the author of the plugin',
      }),
    );
    this.#probes.set(plugin, started);
    return started;
  }
}

function noneAvailable(kind: PluginKind, failed: readonly ProbedPlugin[]): BoxliteError {
  const lines = failed.flatMap(({ plugin, result }) =>
    result.available ? [] : [`  ${plugin.id}: ${result.reason} (${result.remedy})`],
  );
  const list = lines.length === 0 ? ': none is registered' : `:\n${lines.join('\n')}`;
  return new BoxliteError('plugin_none_available', `no ${kind} is available here${list}`, {
    hint:
      lines.length === 0 ? `register a ${kind} plugin` : 'follow one of the remedies above, or run `boxlite doctor`',
    details: {
      kind,
      candidates: failed.map(({ plugin, result }) => ({ id: plugin.id, ...result })),
    },
  });
}

function invalid(field: string, message: string, hint: string): BoxliteError {
  return new BoxliteError('plugin_invalid', message, { hint, details: { field } });
}
