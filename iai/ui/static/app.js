// What htmx does not do: the live part of a page, and opening what an address points to.
"use strict";

(() => {
  const parts = document.querySelectorAll("[data-live]");
  if (parts.length) {
    const pause = document.getElementById("pause");
    const connection = document.getElementById("connection");
    pause.parentElement.hidden = false;
    let stream = null;
    let paused = false;

    // Browsers open six connections to a host: a page that nobody sees keeps none of them.
    const follow = () => {
      const wanted = !paused && document.visibilityState === "visible";
      if (!wanted && stream) {
        stream.close();
        stream = null;
      } else if (wanted && !stream) {
        stream = new EventSource("live");
        stream.onopen = () => { connection.textContent = ""; };
        stream.onerror = () => {
          connection.textContent = "This page's server does not answer. `iai ui` starts one.";
        };
        for (const part of parts) {
          stream.addEventListener(part.dataset.live, (event) => {
            if (!part.contains(document.activeElement)) { // the keyboard stays where it is
              htmx.swap(part, event.data, { swapStyle: "innerHTML" });
            }
          });
        }
      }
    };
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      follow();
    });
    document.addEventListener("visibilitychange", follow);
    window.addEventListener("pagehide", () => { if (stream) { stream.close(); stream = null; } });
    window.addEventListener("pageshow", follow);
    follow();
  }

  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.querySelector("summary").focus();
    }
  };
  window.addEventListener("hashchange", open);
  open();

  document.addEventListener("htmx:sendError", () => {
    document.getElementById("trouble").hidden = false;
  });

  // After a button was used, the keyboard goes on where it was; a reader hears what was done.
  document.addEventListener("htmx:afterSwap", (event) => {
    const did = document.getElementById("did");
    if (event.detail.target?.id === "main" && did) {
      did.setAttribute("tabindex", "-1");
      did.focus();
    }
  });
})();
