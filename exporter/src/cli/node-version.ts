/**
 * The start-up guard: says in plain words that this Node is too old, where otherwise a missing module or a piece of new
 * syntax would. It must run before anything else is loaded (whoever imports it imports the rest dynamically) and on Nodes
 * that know no TypeScript: scripts feed it to `node -`. So it imports and exports nothing, and has no types.
 */
const needed = 26;

if (Number(process.versions.node.split('.')[0]) < needed) {
  process.stderr.write(
    `Lowtide needs Node.js ${needed} or newer. This is ${process.versions.node} (${process.execPath}).\n` +
      'In a clone, `npm ci` brings the right one for Linux (x64, arm64) and Apple silicon, and npm uses it:\n' +
      '`npm start`, `npm test`, `npm run lowtide -- COMMAND`. Elsewhere install it from https://nodejs.org.\n',
  );
  process.exit(2);
}
