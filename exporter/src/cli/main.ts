#!/usr/bin/env node
import './node-version.ts';

// Loaded only now: an old Node would trip over the first piece of new syntax, before the guard can say so.
const { main } = await import('./process.ts');
await main();
