// Writes the settings that the server knows into package.json: infill-lsp settings --schema | npm run configuration
// With --check it writes nothing and fails where package.json would change.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

// What a project's own files may never decide, since they may come from a stranger; a folder's .vscode is such a file.
const NEVER_BY_A_PROJECT = [
  'model',
  'precision',
  'idle_minutes',
  'context',
  'fill_ignored_files',
  'log_level',
  'log_source',
];

const OWN = {
  path: {
    type: 'string',
    scope: 'machine-overridable',
    default: '',
    markdownDescription:
      'The program `infill-lsp`. When empty it is looked for in the active Python environment and then on the `PATH`.',
  },
  preview: {
    type: 'boolean',
    scope: 'window',
    default: true,
    description: 'Show how the text comes about while a hole is filled or a selection is rewritten.',
  },
  'trace.server': {
    type: 'string',
    scope: 'window',
    enum: ['off', 'messages', 'verbose'],
    default: 'off',
    description: 'Write the messages between VS Code and the server to the log. They hold source text.',
  },
};

function contributed(key, described) {
  const { description, ...rest } = described;
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}`.replace(/,? see below/, '');
  const scope = NEVER_BY_A_PROJECT.includes(key) ? 'window' : 'resource';
  return { scope, ...rest, description: /[.!?]$/.test(sentence) ? sentence : `${sentence}.` };
}

function languages(schema) {
  const { properties } = schema.definitions.language;
  const own = Object.fromEntries(Object.entries(properties).map(([key, each]) => [key, contributed(key, each)]));
  for (const each of Object.values(own)) delete each.scope;
  return {
    scope: 'resource',
    type: 'object',
    default: {},
    description: 'Settings for one language alone, by its id.',
    propertyNames: schema.properties.languages.propertyNames,
    additionalProperties: { type: 'object', additionalProperties: false, properties: own },
  };
}

const file = fileURLToPath(new URL('../package.json', import.meta.url));
let schema = '';
for await (const chunk of process.stdin) schema += chunk;
schema = JSON.parse(schema);

const before = await readFile(file, 'utf8');
const manifest = JSON.parse(before);
const properties = { ...OWN };
for (const [key, described] of Object.entries(schema.properties)) {
  properties[key] = key === 'languages' ? languages(schema) : contributed(key, described);
}
manifest.contributes.configuration.properties = Object.fromEntries(
  Object.entries(properties).map(([key, described]) => [`infill-lsp.${key}`, described]),
);
manifest.capabilities.untrustedWorkspaces.restrictedConfigurations = ['path', ...NEVER_BY_A_PROJECT].map(
  (key) => `infill-lsp.${key}`,
);
const after = await format(JSON.stringify(manifest), { parser: 'json-stringify', printWidth: 120 });
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('package.json does not have the settings of the server: npm run configuration');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, after);
}
