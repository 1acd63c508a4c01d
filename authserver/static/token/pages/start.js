/** Begins the app, in what every browser understands: one that lacks something is told so. */

import("./main.js")
  .then((main) => main.begin())
  .catch((error) => {
    console.error(error);
    const cannot = document.getElementById("screen-cannot");
    if (cannot) cannot.hidden = false;
  });
