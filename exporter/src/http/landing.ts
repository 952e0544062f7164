import { createHash } from 'node:crypto';

export interface LandingLink {
  readonly href: string;
  readonly text: string;
  readonly description: string;
}

export interface LandingFacts {
  readonly version: string;
  readonly instance: string;
  readonly links: readonly LandingLink[];
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
:root { color-scheme: light dark; }
dt { margin-top: 1rem; }
dd { margin: 0; opacity: 0.8; }
`;

/** Lets the one style of this page through a policy that forbids all others. */
export const landingStyleHash = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

/** The page at `/`, for people who have found the port. */
export function landingPage(facts: LandingFacts): string {
  const links = facts.links.map(
    ({ href, text, description }) =>
      `<dt><a href="${escapeHtml(href)}">${escapeHtml(text)}</a></dt>\n<dd>${escapeHtml(description)}</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Lowtide on ${escapeHtml(facts.instance)}</title>
<style>${style}</style>
</head>
<body>
<h1>Lowtide</h1>
<p>Encrypted backups when the host is quiet. This is version ${escapeHtml(facts.version)} on <b>${escapeHtml(facts.instance)}</b>.</p>
<dl>
${links.join('\n')}
</dl>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
