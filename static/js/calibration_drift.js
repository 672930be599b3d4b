// “The camera stands as before”: on the calibration page and on the camera's own.
import { api } from "./api.js";
import { toast } from "./toast.js";

for (const button of document.querySelectorAll("[data-drift-confirm]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.classList.add("busy"); // a new still may take some seconds
    try {
      await api(`cameras/${button.dataset.driftConfirm}/calibration/confirm/`, { method: "POST" });
      location.reload();
    } catch (error) {
      toast(error.message, "fail");
      button.disabled = false;
      button.classList.remove("busy");
    }
  });
}
