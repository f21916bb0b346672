// The library in one place: everything that the page shows is a template of htm, so every text is a text node.
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { Component, render } from 'preact';
export { useEffect, useMemo, useRef, useState } from 'preact/hooks';
