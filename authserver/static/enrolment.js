// The link's fragment never leaves the browser by itself: send it in a form, and clear it from
// the address and the history. While the QR code is shown, look again every three seconds.
"use strict";

const field = document.getElementById("link");
if (field && /^#[0-9]+$/.test(location.hash)) {
  field.value = location.href;
  history.replaceState(null, "", location.pathname);
  field.form.submit();
}

const again = document.getElementById("again");
if (again) {
  setTimeout(() => again.submit(), 3000);
}
