/**
 * Reads a configuration fragment: `CONFIG_NAME=value` and `# CONFIG_NAME is not set`; other comments and empty lines are for people.
 * @param {string} text
 * @param {string} name of the file, for the message
 * @returns {Map<string, string>} option to value; `n` for "is not set"
 * @throws Error naming the line that is neither
 */
export function parseConfig(text, name) {
  const options = new Map();
  for (const [index, line] of text.split('\n').entries()) {
    const [, unset] = /^# (CONFIG_[A-Za-z0-9_]+) is not set$/.exec(line) ?? [];
    const [, option, value] = /^(CONFIG_[A-Za-z0-9_]+)=(.+)$/.exec(line) ?? [];
    if (unset !== undefined) options.set(unset, 'n');
    else if (option !== undefined) options.set(option, value);
    else if (line !== '' && !line.startsWith('#')) throw new Error(`${name}:${index + 1}: ${line} is no option`);
  }
  return options;
}

/**
 * Fragments merged into the text `allnoconfig` starts from.
 * @param {{ name: string, text: string }[]} fragments
 * @throws Error when two fragments name one option: then the order would decide, and nobody sees it
 */
export function mergeFragments(fragments) {
  const owners = new Map();
  const merged = new Map();
  for (const { name, text } of fragments) {
    for (const [option, value] of parseConfig(text, name)) {
      if (owners.has(option)) throw new Error(`${option} is in ${owners.get(option)} and in ${name}`);
      owners.set(option, name);
      merged.set(option, value);
    }
  }
  const lines = [...merged].map(([option, value]) => (value === 'n' ? `# ${option} is not set` : `${option}=${value}`));
  return `${lines.join('\n')}\n`;
}

/**
 * Options of `wanted` that the kernel's configuration program dropped or changed, because one they depend on is missing or another needs them.
 * @param {string} wanted merged fragments
 * @param {string} actual the finished `.config`
 * @returns {string[]} a sentence for each
 */
export function lostOptions(wanted, actual) {
  const have = parseConfig(actual, '.config');
  return [...parseConfig(wanted, 'fragments')]
    .filter(([option, value]) => (have.get(option) ?? 'n') !== value)
    .map(([option, value]) => `${option} is ${have.get(option) ?? 'not set'}, the fragments say ${value}`);
}
