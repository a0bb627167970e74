;;; harness.el --- What the tests need of an Emacs, loaded before the user's configuration  -*- lexical-binding: t; -*-

;; The packages, as package.el has them once they are installed.
(dolist (folder (directory-files (getenv "INFILL_LISP") t "\\`[a-z]"))
  (add-to-list 'load-path folder)
  (load (expand-file-name (concat (replace-regexp-in-string "-[0-9.]+\\'" "" (file-name-nondirectory folder)) "-autoloads.el")
                          folder)
        t t))

;; No question may wait for an answer that nobody gives, and no file is written beside the tests' own.
(setq inhibit-startup-screen t
      make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      confirm-kill-processes nil
      use-short-answers t
      vc-handled-backends nil)

;; Which other servers there could be is none of our business here.
(setq lsp-client-packages nil
      lsp-enable-suggest-server-download nil
      lsp-warn-no-matched-clients nil
      lsp-enable-file-watchers nil
      lsp-auto-guess-root t
      lsp-session-file (expand-file-name "lsp-session" user-emacs-directory))

(require 'server)
(setq server-name "infill"
      server-socket-dir (getenv "INFILL_SOCKETS"))
(server-start)

(defun infill-test-answer (value)
  "Write VALUE so that nothing has to be quoted on its way."
  (base64-encode-string (encode-coding-string (json-serialize value :null-object nil :false-object :false) 'utf-8) t))

(defun infill-test-open (file line column)
  "Visit FILE in place of what was visited before, with point at LINE and COLUMN, both counted from 0."
  (dolist (buffer (buffer-list))
    (when (buffer-file-name buffer)
      (with-current-buffer buffer (set-buffer-modified-p nil))
      (kill-buffer buffer)))
  (when (bound-and-true-p lsp--session)
    (lsp-workspace-folders-add (file-name-directory file)))
  (find-file file)
  (goto-char (point-min))
  (forward-line line)
  (forward-char column)
  t)

(defun infill-test-attached ()
  "Tell whether the server is attached to this buffer and has introduced itself."
  (and (bound-and-true-p lsp--buffer-workspaces)
       (eq 'initialized (lsp--workspace-status (car lsp--buffer-workspaces)))
       t))

(defun infill-test-ghost ()
  "The ghost text at point, or nil: what is drawn after what stands in the buffer."
  (when (and (fboundp 'lsp-inline-completion--active-p) (lsp-inline-completion--active-p))
    (let* ((overlay lsp-inline-completion--overlay)
           (shown (concat (overlay-get overlay 'display) (overlay-get overlay 'after-string)))
           (covered (buffer-substring-no-properties (overlay-start overlay) lsp-inline-completion--start-point)))
      (substring-no-properties shown (length covered)))))
