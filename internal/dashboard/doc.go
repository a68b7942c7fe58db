// Package dashboard is one page for a browser: what runs, how fast, and what
// went wrong. The page asks the admin API for what it shows, by GET alone, and
// knows nothing that the API does not tell; it holds no data itself.
//
// The HTML, the style and the script are files of this folder, put into one
// answer when the process starts: nothing is built, and nothing is loaded from
// elsewhere. What the API tells has names in it that tenants and clients chose;
// the script writes them as text and never as markup, and the answer's policy
// would not run what got there all the same. Whoever serves the handler checks
// the Host and who asks: see admin.Server. It owns no goroutine.
package dashboard
