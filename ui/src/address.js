// Each view has an address: #/VIEW/ARGUMENT?FILTERS. It can be pasted into a ticket.
import { useEffect, useState } from './dom.js';

// parse takes a fragment apart.
export function parse(fragment) {
  const [path, query = ''] = fragment.replace(/^#?\/?/, '').split('?');
  const [view, ...rest] = path.split('/');
  return { view: view || 'mesh', argument: decode(rest.join('/')), filters: new URLSearchParams(query) };
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; } // an address that somebody wrote by hand
}

// address is the fragment of a view. Filters without a value are left out.
export function address(view, argument = '', filters = {}) {
  const set = Object.entries(filters).filter(([, v]) => v !== '' && v !== undefined && v !== null);
  const path = '#/' + view + (argument ? '/' + encodeURIComponent(argument).replace(/%2F/g, '/') : '');
  return path + (set.length ? '?' + new URLSearchParams(set) : '');
}

export function useAddress() {
  const [at, set] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = () => set(parse(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return at;
}

// useFilters returns the filters of the address, and a function that changes some of them without a new entry in the browser's history.
export function useFilters({ view, argument, filters }) {
  const change = (some) => {
    history.replaceState(null, '', address(view, argument, { ...Object.fromEntries(filters), ...some }));
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  return [(name) => filters.get(name) || '', change];
}
