// A program that has descriptors open it does not think of, and confines one command: `confine-once.mjs <participant> <file with the request, JSON>`.
import { readFileSync } from 'node:fs';
import { PARTICIPANTS } from './participants.mjs';

const [name, file] = process.argv.slice(2);
const { command, grants } = JSON.parse(readFileSync(file, 'utf8'));
const participant = await PARTICIPANTS[name](grants);
const output = await participant.run(command);
await participant.close?.();
process.stdout.write(output);
