// Preloaded by `node --import`: writes the files of every module the process has loaded to $LIST_MODULES_FILE, one a line.
import { appendFileSync } from 'node:fs';
import Module, { register } from 'node:module';

const file = process.env.LIST_MODULES_FILE;
const hooks = `
  import { appendFileSync } from 'node:fs';
  export async function load(url, context, next) {
    if (url.startsWith('file:')) appendFileSync(${JSON.stringify(file)}, url.slice(7) + '\\n');
    return next(url, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
process.on('exit', () =>
  appendFileSync(
    file,
    Object.keys(Module._cache)
      .map((path) => `${path}\n`)
      .join(''),
  ),
);
