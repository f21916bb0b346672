// What the page knows, and how old that is. One event stream says what changed; views fetch the lists that they show.
import { useEffect, useRef, useState } from './dom.js';

// SILENCE is how long nothing may come before the stream counts as lost: the process sends something every 15 s.
const SILENCE = 40_000;
const RETRY = 3000;
// REFETCH is the least time between two requests of one view for one list. SHARE bounds requests that take long: they may take a twentieth of the time.
const REFETCH = 2000, SHARE = 20;
// STREAMS is how many pages of a browser keep a stream. It has six connections to one address for all of them, and requests need some, too.
// Further pages read the first events of a stream, and again after PAUSE.
const STREAMS = 4, PAUSE = 4000;

export const store = {
  connection: 'connecting', // or live, hidden, lost, refused, signin
  since: Date.now(), text: '',
  // skew is how far the clock of the control plane is ahead of the browser's.
  skew: 0, state: null, about: null,
  // paths are those that the process has; null until they are known.
  paths: null,
  edges: new Map(), edgesAt: 0, edgesLeftOut: 0,
};
const listeners = new Set();
// changes counts the changes of each list since the page was opened.
const changes = {};

function publish(some) {
  Object.assign(store, some);
  for (const l of listeners) l();
}

export const has = (path) => store.paths?.has(path);

// useStore renders a view again with each change of what is in the store.
export function useStore() {
  const [, again] = useState(0);
  useEffect(() => {
    const l = () => again((n) => n + 1);
    listeners.add(l);
    return () => listeners.delete(l);
  }, []);
  return store;
}

let source = null, timer = 0, heard = 0, attempt = 0;
// leave gives up the place among those that keep a stream; null if this page has none.
let leave = null;

// takePlace returns what gives up the place, or null if all are taken. The browser gives up that of a page which ends.
async function takePlace() {
  if (!navigator.locks) return () => {}; // only pages by HTTPS or from this machine have locks
  for (let i = 0; i < STREAMS; i++) {
    const taken = await new Promise((resolve) => {
      navigator.locks.request('stream ' + i, { ifAvailable: true }, (lock) => lock && new Promise((free) => { resolve(free); }))
        .then(() => resolve(null), () => resolve(null));
    });
    if (taken) return taken;
  }
  return null;
}

function disconnect() {
  clearTimeout(timer);
  attempt++;
  source?.close();
  leave?.();
  source = leave = null;
}

// A hidden page has no stream. What it shows is old when it is shown again, until the first event.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return connect();
  disconnect();
  if (store.connection === 'live') publish({ connection: 'hidden', since: Date.now() });
});

export async function connect() {
  disconnect();
  if (document.hidden) return;
  const mine = attempt, place = await takePlace();
  if (mine !== attempt) return place?.();
  leave = place;
  const stream = source = new EventSource('../api/events');
  // Who comes back sees gray for a moment, and reads why if it lasts.
  timer = setTimeout(() => { if (store.connection === 'hidden') publish({ connection: 'lost', text: '' }); }, RETRY);
  read('session').then((session) => {
    if (!session.required || session.signedIn || stream !== source) return publish({ session: session.required });
    source.close();
    return publish({ connection: 'signin', since: Date.now() });
  }).catch(() => {}); // the stream says what is wrong
  heard = Date.now();
  source.addEventListener('state', on((m) => {
    const first = store.connection !== 'live';
    for (const list of m.changed || []) changes[list] = (changes[list] || 0) + 1;
    publish({ state: m, skew: Date.parse(m.at) - Date.now(), connection: 'live', since: first ? Date.now() : store.since, text: '' });
    if (first) learn();
  }));
  source.addEventListener('edges', on((m) => {
    const edges = m.full ? new Map() : store.edges;
    for (const e of m.edges || []) edges.set(e.key, e);
    for (const key of m.gone || []) edges.delete(key);
    changes.edges = (changes.edges || 0) + 1;
    publish({ edges, edgesAt: Date.now(), edgesLeftOut: m.leftOut || 0, edgesVersion: (store.edgesVersion || 0) + 1 });
    if (leave) return;
    disconnect(); // the first events have everything
    timer = setTimeout(connect, PAUSE);
  }));
  source.onerror = lost;
}

// learn reads what does not change while a process runs. The list of its paths says what else it has, such as a history.
async function learn() {
  try {
    const [about, paths] = await Promise.all([read('../api/about'), fetch('../').then((a) => a.text())]);
    publish({ about, paths: new Set(paths.split('\n')) });
  } catch { /* the stream ends, too, and then it is read again */ }
}

const on = (f) => (event) => { heard = Date.now(); f(JSON.parse(event.data)); };

// lost is called when the stream ended. The browser connects again by itself unless the answer was an error.
async function lost() {
  if (store.connection === 'live') publish({ connection: 'lost', since: Date.now(), text: '' });
  if (store.connection === 'hidden') publish({ connection: 'lost', text: '' });
  if (source.readyState !== EventSource.CLOSED || store.connection === 'signin') return;
  clearTimeout(timer);
  timer = setTimeout(connect, RETRY);
  const aborted = new AbortController();
  setTimeout(() => aborted.abort(), 500);
  try {
    const answer = await fetch('../api/events', { signal: aborted.signal });
    aborted.abort();
    if (answer.status === 401) publish({ connection: 'signin', since: Date.now() });
    else if (!answer.ok) publish({ connection: 'refused', text: await answer.text() });
  } catch { /* nothing answers: it is lost */ }
}

setInterval(() => {
  if (source && Date.now() - heard > SILENCE) { heard = Date.now(); lost(); connect(); }
}, 5000);

// read fetches JSON. An error has the text of the answer, which is a sentence, and its status.
export async function read(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) {
    const text = await answer.text();
    const error = new Error(text.trim() || answer.statusText);
    error.status = answer.status;
    try { error.body = JSON.parse(text); error.message = error.body.error || error.message; } catch { /* it is a sentence */ }
    if (answer.status === 401 && path !== 'session') publish({ connection: 'signin', since: Date.now() });
    throw error;
  }
  return answer.status === 204 ? null : answer.json();
}

// useList fetches a path, and again when one of the lists changed. The old answer stays while the next one is fetched.
export function useList(path, ...lists) {
  useStore();
  const [answer, set] = useState({ data: null, error: null, at: 0, path: '' });
  const last = useRef(0), took = useRef(0);
  const version = lists.reduce((sum, l) => sum + (changes[l] || 0), 0);
  useEffect(() => {
    if (!path || !/^(live|connecting)$/.test(store.connection)) return undefined;
    let over = false;
    // A filter that is being typed is not asked for with each letter.
    const wait = answer.path === path ? Math.max(0, last.current + Math.max(REFETCH, SHARE * took.current) - Date.now()) : answer.path ? 150 : 0;
    const t = setTimeout(async () => {
      last.current = Date.now();
      try {
        const data = await read(path);
        took.current = Date.now() - last.current;
        if (!over) set({ data, error: null, at: Date.now(), path });
      } catch (error) {
        if (!over) set((a) => ({ data: a.path === path && error.status === undefined ? a.data : null, error, at: a.at, path }));
      }
    }, wait);
    return () => { over = true; clearTimeout(t); };
  }, [path, version, store.connection]);
  return answer.path === path || !answer.path ? answer : { ...answer, data: null, error: null, stale: answer.data };
}

export async function signIn(token) {
  await read('session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) });
  publish({ connection: 'connecting', since: Date.now() });
  return connect();
}

export async function signOut() {
  await read('session', { method: 'DELETE' });
  return connect();
}

// One clock for all ages on the page.
const clocks = new Set();
setInterval(() => { for (const c of clocks) c(Date.now()); }, 1000);

// useNow renders again every second, for ages.
export function useNow() {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    clocks.add(set);
    return () => clocks.delete(set);
  }, []);
  return now;
}
