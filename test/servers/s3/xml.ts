/** As much XML as S3 speaks: elements, text, and arrays for elements that come several times. */
export interface Element {
  readonly [name: string]: Content | readonly Content[];
}
type Content = string | number | boolean | undefined | Element;

export function xml(root: string, content: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, content, ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"')}`;
}

function element(name: string, content: Content, attributes = ''): string {
  if (content === undefined) return '';
  const inner =
    typeof content === 'object'
      ? Object.entries(content)
          .flatMap(([child, value]) =>
            (Array.isArray(value) ? (value as readonly Content[]) : [value as Content]).map((each) =>
              element(child, each),
            ),
          )
          .join('')
      : escape(String(content));
  return `<${name}${attributes}>${inner}</${name}>`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** The text of the first element of that name. */
export function textOf(document: string, name: string): string | undefined {
  const found = new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(document)?.[1];
  return found === undefined ? undefined : unescape(found);
}

/** What is inside of each element of that name, where these do not nest. */
export function allOf(document: string, name: string): string[] {
  return [...document.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>(.*?)</${name}>`, 'gs'))].map(
    ([, inner = '']) => inner,
  );
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&amp;', '&');
}
