// In a page: draws each view when it comes near the window.
{
  const start = () => {
    const near = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          near.unobserve(target);
          EcgViews.draw(target, JSON.parse(target.nextElementSibling.textContent));
        }
      },
      { rootMargin: "600px" },
    );
    document.querySelectorAll(".ecg-view").forEach((box) => near.observe(box));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
